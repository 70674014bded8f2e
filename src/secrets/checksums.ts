/** The checksums of published token formats. Pure, because the dashboard runs this module in the browser. */

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CHECKSUM_LENGTH = 6;
/** Of CRC-32, with its bits reversed. */
const POLYNOMIAL = 0xedb88320;

/** @returns the CRC-32 of a text in ASCII */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** @returns the CRC-32 of a text in ASCII, as six digits of base 62 */
export function checksumOf(text: string): string {
  let digits = '';
  for (let rest = crc32(text); rest > 0; rest = Math.floor(rest / DIGITS.length))
    digits = DIGITS.charAt(rest % DIGITS.length) + digits;
  return digits.padStart(CHECKSUM_LENGTH, '0');
}

/** Whether a token ends with the checksum of what stands before it, without the first `skipped` characters. */
export const endsWithChecksum = (token: string, skipped: number): boolean =>
  checksumOf(token.slice(skipped, -CHECKSUM_LENGTH)) === token.slice(-CHECKSUM_LENGTH);
