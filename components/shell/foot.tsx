'use client';

import { type ReactNode, useEffect, useState } from 'react';
import { createPortal } from 'react-dom';

const FOOT = 'foot';

/** The place below the view: what stands there stays while the view scrolls, and covers nothing of it. */
export function FootPlace() {
  return <div id={FOOT} className="shrink-0" />;
}

/** Puts a view's own bar there, or where there is no such place, here. */
export function Foot({ children }: { readonly children: ReactNode }) {
  const [place, setPlace] = useState<HTMLElement | null>();
  useEffect(() => setPlace(document.getElementById(FOOT)), []);
  if (place === undefined) return null;
  return place === null ? children : createPortal(children, place);
}
