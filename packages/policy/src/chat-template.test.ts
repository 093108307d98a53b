import { describe, expect, test } from 'vitest';
import { CHATML_TEMPLATE, renderChat } from './chat-template.ts';

const MESSAGES = [
  { role: 'system', content: 'Be terse.' },
  { role: 'user', content: '2+2?' },
];

describe('renderChat()', () => {
  test('renders ChatML, with the assistant’s turn opened', () => {
    expect(renderChat(CHATML_TEMPLATE, MESSAGES)).toBe(
      '<|im_start|>system\nBe terse.<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n',
    );
    expect(renderChat(CHATML_TEMPLATE, [], { addGenerationPrompt: false })).toBe('');
  });

  test.each([
    [undefined, 'the model has no chat template'],
    ['{{ messages }}', 'its chat template is not ChatML'],
  ])('refuses the template %s', (template, state) => {
    expect(() => renderChat(template, MESSAGES)).toThrow(
      `Cannot render messages: ${state}, expected ChatML; give the text as "prompt" instead`,
    );
  });
});
