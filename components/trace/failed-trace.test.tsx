import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { ApiProblem } from '../hooks/api';
import { FailedTrace } from './failed-trace';

function open(error: Error) {
  const heard = { onRetry: vi.fn(), onAnew: vi.fn(), onInstead: vi.fn() };
  render(
    <QueryClientProvider client={new QueryClient()}>
      <FailedTrace error={error} {...heard} />
    </QueryClientProvider>,
  );
  return heard;
}

test('a name that is not there: those like it ask instead, at the end that was wrong', () => {
  const { onInstead } = open(
    new ApiProblem(400, { title: 'There is no Service shop/ap.', code: 'REF-004', path: 'to', near: ['svc:shop/api'] }),
  );
  expect(screen.getByRole('alert').textContent).toContain('REF-004');
  fireEvent.click(screen.getByRole('button', { name: 'To Service shop/api' }));
  expect(onInstead.mock.calls).toEqual([['to', 'svc:shop/api']]);
  expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
});

test('a packet that cannot be read begins anew', () => {
  const { onAnew } = open(new ApiProblem(400, { title: 'The packet in the address is not JSON.', path: 'packet' }));
  fireEvent.click(screen.getByRole('button', { name: /^Start with/ }));
  expect(onAnew).toHaveBeenCalledOnce();
});

test('a server that fails may be asked again', () => {
  const { onRetry } = open(new ApiProblem(500, { title: 'It failed.' }));
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(onRetry).toHaveBeenCalledOnce();
  expect(screen.queryByRole('button', { name: /^Start with/ })).toBeNull();
});
