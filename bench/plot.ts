import type { Result } from './row.ts';

const [WIDTH, LABEL, ROW, TOP] = [860, 230, 26, 46];
/** The plot covers a twentieth of a mark to twenty times the mark. */
const DECADES = Math.log10(20);
const SCALE = (WIDTH - LABEL - 90) / 2;

/** How many times better than its mark a value is. A value below 1 misses the mark. */
function betterThanMark({ row: { must }, value }: Result): number | undefined {
  if (must === undefined) return undefined;
  return 'atLeast' in must ? value / must.atLeast : must.atMost / value;
}

const x = (times: number): number => {
  const decades = Math.max(-DECADES, Math.min(DECADES, Math.log10(times)));
  return LABEL + SCALE + (decades / DECADES) * SCALE;
};

function bar({ row, value }: Result, times: number, i: number): string {
  const y = TOP + i * ROW;
  const [from, to] = [Math.min(x(1), x(times)), Math.max(x(1), x(times))];
  const unit = row.unit === 'ratio' ? '' : ` ${row.unit}`;
  return `<text x="${LABEL - 10}" y="${y + 15}" text-anchor="end">${row.key}</text>
<rect class="${times >= 1 ? 'ok' : 'missed'}" x="${from.toFixed(1)}" y="${y + 3}" width="${Math.max(1, to - from).toFixed(1)}" height="${ROW - 9}" rx="2"/>
<text x="${(to + 6).toFixed(1)}" y="${y + 15}">${value.toFixed(2)}${unit}</text>`;
}

function gridLine(times: number, bottom: number): string {
  const at = x(times).toFixed(1);
  const label = times === 1 ? 'mark' : times > 1 ? `× ${times}` : `÷ ${1 / times}`;
  return `<line class="${times === 1 ? 'mark' : 'grid'}" x1="${at}" x2="${at}" y1="${TOP - 8}" y2="${bottom}"/>
<text class="axis" x="${at}" y="${TOP - 14}" text-anchor="middle">${label}</text>`;
}

/** Draws the distance of each figure from its mark. Better figures extend to the right. @returns an SVG document */
export function drawPlot(results: Result[]): string {
  const rows = results.flatMap((result) => {
    const times = betterThanMark(result);
    return times === undefined ? [] : [{ result, times }];
  });
  const bottom = TOP + rows.length * ROW + 4;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 10}" font-family="system-ui, sans-serif" font-size="12">
<title>How far each figure of the bench lies from its mark</title>
<style>
svg { background: #fff; } text { fill: #1f2328; } .axis { fill: #57606a; }
.ok { fill: #2da44e; } .missed { fill: #cf222e; } .grid { stroke: #d8dee4; } .mark { stroke: #1f2328; }
</style>
${[0.1, 0.25, 0.5, 1, 2, 4, 10].map((times) => gridLine(times, bottom)).join('\n')}
${rows.map(({ result, times }, i) => bar(result, times, i)).join('\n')}
</svg>
`;
}
