import { useMemo } from 'react';
import { encode } from 'uqr';

/** Light modules around the code, which readers need. */
const QUIET = 4;

/** A QR code, drawn in this browser. It is dark on light in every appearance, because readers expect that. */
export function QrCode({ label, text }: { label: string; text: string }) {
  const { size, path } = useMemo(() => {
    const { data, size } = encode(text, { ecc: 'M', border: 0 });
    const cells = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')));
    return { size, path: cells.join('') };
  }, [text]);
  const side = size + 2 * QUIET;
  return (
    <svg className="qr" viewBox={`${-QUIET} ${-QUIET} ${side} ${side}`} role="img" aria-label={label}>
      <path d={path} shapeRendering="crispEdges" />
    </svg>
  );
}
