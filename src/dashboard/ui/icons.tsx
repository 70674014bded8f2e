/** Paths of 24 by 24, drawn with round strokes. */
const PATHS = {
  search: 'M11 4a7 7 0 1 1 0 14a7 7 0 0 1 0-14Zm5 12l4 4',
  plus: 'M12 5v14M5 12h14',
  pencil: 'M4 20l1-4L16 5l3 3L8 19l-4 1ZM14 7l3 3',
  history: 'M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4M12 8v4l3 2',
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.600l-1 1M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.600l1-1',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  close: 'M6 6l12 12M18 6L6 18',
  back: 'M14 6l-6 6l6 6',
  down: 'M12 5v14M6 13l6 6l6-6',
  forward: 'M10 6l6 6l-6 6',
  menu: 'M4 7h16M4 12h16M4 17h16',
  shield: 'M12 3l7 3v5c0 5-3 8-7 10c-4-2-7-5-7-10V6zM9 12l2 2l4-4',
  warning: 'M12 4l9 16H3zM12 10v4M12 17.500v.01',
  pulse: 'M3 12h4l3-8l4 16l3-8h4',
  vault: 'M4 5h16v14H4zM8 9.500h8M8 12.500h8M8 15.500h4',
} as const;

export type IconName = keyof typeof PATHS;

/** A decorative icon beside text with the same meaning. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
