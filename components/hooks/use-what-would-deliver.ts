'use client';

import { useQuery } from '@tanstack/react-query';
import type { TraceAnswer } from '@/lib/api/types';
import type { WhatWouldDeliver } from '@/lib/api/what-would-deliver';
import { postJson } from './api';
import { nodePath } from './node-path';

/** Single changes that would let the packet of an answer through; asked for while the caller is shown, kept for the same capture and packet. */
export const useWhatWouldDeliver = ({ source, node, version, packet }: TraceAnswer) =>
  useQuery({
    queryKey: ['what-would-deliver', source.id, node, version, packet],
    queryFn: ({ signal }) =>
      postJson<WhatWouldDeliver>(
        `${nodePath({ source: source.id, node })}/what-would-deliver?v=${encodeURIComponent(version)}`,
        { packet },
        signal,
      ),
  });
