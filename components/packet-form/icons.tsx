/** An arrow between the two ends of the question. */
export function ArrowRight({ className }: { readonly className?: string }) {
  return (
    <svg
      aria-hidden="true"
      focusable="false"
      width={16}
      height={16}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.6}
      strokeLinecap="round"
      strokeLinejoin="round"
      className={className}
    >
      <path d="M2 8h12M9.5 3.5 14 8l-4.5 4.5" />
    </svg>
  );
}
