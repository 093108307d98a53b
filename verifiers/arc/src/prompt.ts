/** A puzzle in words: the published wording, or one word per cell for tiny policies. */
import type { PromptStyle } from '@evenkeel/verifier';
import { type ArcPuzzle, gridText } from './generate.ts';

/** The words of the compact style beside the digits, without the space before them. */
export const compactWords: readonly string[] = ['arc', '>', ';', ':', '\\boxed{', '}'];

const PREAMBLE =
  'A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first thinks ' +
  'about the reasoning process in the mind and then provides the user with the answer.\nUser: Find the common rule that maps an ' +
  'input grid to an output grid, given the examples below.\n\n';

const REQUEST =
  'Below is a test input grid. Predict the corresponding output grid by applying the rule you found. Describe how you derived the ' +
  'rule and your overall reasoning process in detail before you submit your answer. Your final answer must be placed in \\boxed{} ' +
  'and should be just the test output grid itself.\n\nInput:\n';

const START_OF_ANSWER = '\nAssistant: Let me solve this step by step.';

/** The text that the model sees. */
export function prompt({ data }: ArcPuzzle, style: PromptStyle): string {
  if (style === 'compact') {
    const shown = data.examples.map(({ input, output }) => `${gridText(input)} > ${gridText(output)} ;`);
    return `arc ${shown.join(' ')} ${gridText(data.input)} > :`;
  }
  const shown = data.examples.map(
    ({ input, output }, at) => `Example ${at + 1}:\nInput:  ${gridText(input)}\nOutput: ${gridText(output)}\n\n`,
  );
  return `${PREAMBLE}${shown.join('')}${REQUEST}${gridText(data.input)}${START_OF_ANSWER}`;
}

/** An answer in the form that a style asks for. */
export function answerText(answer: string, style: PromptStyle): string {
  return style === 'compact' ? `\\boxed{ ${answer} }` : ` \\boxed{${answer}}`;
}
