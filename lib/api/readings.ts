/** Which files a capture has, which it lacks, which failed, and what that costs. */
import type { Problem } from '../net/result';
import { type CaptureFile, CLUSTER_FILES, describeFailure, type FileReading, NODE_FILES } from '../world/capture-files';
import type { OpenNode } from './open-node';
import type { ProblemView, Reading } from './types';

export function nodeReadings(node: OpenNode): readonly Reading[] {
  const problems = new Map(node.built.problems);
  const listing = node.files.get('nft.json');
  if (!node.ruleset.ok && listing?.kind === 'read') problems.set('nft.json', node.ruleset.problem);
  return readingsOf(NODE_FILES, node.files, problems, '');
}

export function clusterReadings(
  files: OpenNode['clusterFiles'],
  problems: ReadonlyMap<string, Problem>,
): readonly Reading[] {
  return readingsOf(CLUSTER_FILES, files, problems, 'cluster/');
}

/** Files that exist on some nodes only are named when they are there, or failed. */
function readingsOf(
  known: readonly CaptureFile[],
  files: ReadonlyMap<string, FileReading<unknown>>,
  problems: ReadonlyMap<string, Problem>,
  folder: string,
): readonly Reading[] {
  return known
    .filter((file) => file.expected || files.has(file.name))
    .map((file) =>
      readingOf(file, folder + file.name, files.get(file.name) ?? { kind: 'absent' }, problems.get(file.name)),
    );
}

function readingOf(
  { without }: CaptureFile,
  file: string,
  reading: FileReading<unknown>,
  problem: Problem | undefined,
): Reading {
  const at = { file, failure: null, problem: null };
  switch (reading.kind) {
    case 'absent':
      return { ...at, state: 'absent', without };
    case 'failed': {
      const { failure } = reading;
      const say = `${describeFailure(failure)}.`;
      return {
        ...at,
        state: 'failed',
        without,
        failure,
        problem: { code: 'SRC-012', say, do: 'Read the node again, as root.' },
      };
    }
    case 'read':
      if (problem === undefined) return { ...at, state: 'read', without: '' };
      return { ...at, state: 'undecodable', without, problem: problemView(problem) };
  }
}

function problemView({ code, say, do: remedy, path }: Problem): ProblemView {
  return { code, say, do: remedy, ...(path !== undefined && path !== '' && { path }) };
}
