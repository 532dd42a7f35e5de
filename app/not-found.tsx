import Link from 'next/link';

/** An address that is no view, in the frame of the others. */
export default function NotFound() {
  return (
    <div className="m-4 rounded-card border border-line bg-surface px-3 py-2.5">
      <h1 className="font-[640]">There is no such view</h1>
      <p className="mt-1">
        The views are in the bar above. Or{' '}
        <Link href="/" className="link">
          begin with a trace
        </Link>
        .
      </p>
    </div>
  );
}
