import type { ReactNode } from 'react';

interface IconProps {
  readonly size?: number;
  readonly className?: string | undefined;
}

/** Icons stand beside words and are hidden from screen readers. */
function Icon({ size = 14, className, children }: IconProps & { readonly children: ReactNode }) {
  return (
    <svg
      aria-hidden="true"
      focusable="false"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.6}
      strokeLinecap="round"
      strokeLinejoin="round"
      className={className === undefined ? 'shrink-0' : `shrink-0 ${className}`}
    >
      {children}
    </svg>
  );
}

export const ChevronDown = (p: IconProps) => (
  <Icon {...p}>
    <path d="m4 6 4 4 4-4" />
  </Icon>
);
export const ChevronRight = (p: IconProps) => (
  <Icon {...p}>
    <path d="m6 4 4 4-4 4" />
  </Icon>
);
export const SearchIcon = (p: IconProps) => (
  <Icon {...p}>
    <circle cx="7" cy="7" r="4.5" />
    <path d="m10.5 10.5 3.5 3.5" />
  </Icon>
);
export const CopyIcon = (p: IconProps) => (
  <Icon {...p}>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.5 5.5v-1A1.5 1.5 0 0 0 9 3H4.5A1.5 1.5 0 0 0 3 4.5V9a1.5 1.5 0 0 0 1.5 1.5h1" />
  </Icon>
);
export const LinkIcon = (p: IconProps) => (
  <Icon {...p}>
    <path d="M6.7 9.3a2.6 2.6 0 0 0 3.7 0l2-2a2.6 2.6 0 0 0-3.7-3.7l-.7.7" />
    <path d="M9.3 6.7a2.6 2.6 0 0 0-3.7 0l-2 2a2.6 2.6 0 0 0 3.7 3.7l.7-.7" />
  </Icon>
);
export const CheckIcon = (p: IconProps) => (
  <Icon {...p}>
    <path d="m3 8.5 3.5 3.5L13 4.5" strokeWidth={2.2} />
  </Icon>
);
export const CloseIcon = (p: IconProps) => (
  <Icon {...p}>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);
export const SunIcon = (p: IconProps) => (
  <Icon {...p}>
    <circle cx="8" cy="8" r="2.8" />
    <path d="M8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1" />
  </Icon>
);
export const MoonIcon = (p: IconProps) => (
  <Icon {...p}>
    <path d="M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1Z" />
  </Icon>
);
export const TreeIcon = (p: IconProps) => (
  <Icon {...p}>
    <path d="M2.5 3.5h6M5.5 8h8M5.5 12.5h8M3.5 3.5v9" />
  </Icon>
);
/** Dropped: a filled octagon with a bar. */
export const OctagonIcon = (p: IconProps) => (
  <Icon {...p}>
    <path d="M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3Z" fill="currentColor" stroke="none" />
    <path d="M5 8h6" stroke="var(--lost-ground)" strokeWidth={2} />
  </Icon>
);
/** Rejected: an arrow that returns. */
export const ReturnIcon = (p: IconProps) => (
  <Icon {...p}>
    <path d="M6 3 2.5 6.5 6 10" strokeWidth={2} />
    <path d="M3 6.5h6.5a3.5 3.5 0 0 1 0 7H7" strokeWidth={2} />
  </Icon>
);
export const TriangleIcon = (p: IconProps) => (
  <Icon {...p}>
    <path d="M8 2 14.5 13.5h-13Z" />
    <path d="M8 6.5v3.2M8 11.7v.1" />
  </Icon>
);

/** Worth knowing. */
export const InfoIcon = (p: IconProps) => (
  <Icon {...p}>
    <circle cx="8" cy="8" r="6.2" />
    <path d="M8 7.4v3.6M8 4.9v.1" />
  </Icon>
);

/** The sign of nftscope: a packet's way through three hooks, the highlighter behind it. */
export function Logo() {
  return (
    <svg
      aria-hidden="true"
      focusable="false"
      width={20}
      height={14}
      viewBox="0 0 20 14"
      fill="none"
      strokeLinecap="round"
    >
      <path d="M1.5 7h16" stroke="var(--marker-hit)" strokeWidth="4.5" strokeLinecap="butt" />
      <path d="M1.2 7h17M15.3 3.5 18.8 7l-3.5 3.5" stroke="currentColor" strokeWidth="2" strokeLinejoin="round" />
      <path d="M3 1v12M8 1v12M13 1v12" stroke="currentColor" strokeWidth="1.7" />
    </svg>
  );
}
