import type { Metadata } from 'next';
import { RulesetView } from '@/components/ruleset/ruleset-view';

export const metadata: Metadata = { title: 'Ruleset' };

export default function RulesetPage() {
  return <RulesetView />;
}
