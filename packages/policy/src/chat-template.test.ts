import { describe, expect, test } from 'vitest';
import { CHATML_TEMPLATE, renderChat, userTurn } from './chat-template.ts';
import { chatTemplateOf } from './chat-template-files.ts';

const MESSAGES = [
  { role: 'system', content: 'Be terse.' },
  { role: 'user', content: '2+2?' },
];
const template = (text: string, tokens: Readonly<Record<string, string>> = {}) => ({ text, tokens });

describe('renderChat()', () => {
  test('renders ChatML, with the assistant’s turn opened', () => {
    expect(renderChat(template(CHATML_TEMPLATE), MESSAGES)).toBe(
      '<|im_start|>system\nBe terse.<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n',
    );
    expect(renderChat(template(CHATML_TEMPLATE), [], { addGenerationPrompt: false })).toBe('');
  });

  test('gives the template the model’s special tokens, and nothing for those that it has not', () => {
    expect(renderChat(template('{{ bos_token }}|{{ eos_token }}', { bos_token: '<s>' }), [])).toBe('<s>|');
  });

  test('knows range() as Python does', () => {
    const text = '{% for i in range(3) %}{{ i }}{% endfor %} {% for i in range(5, 0, -2) %}{{ i }}{% endfor %}';
    expect(renderChat(template(text), [])).toBe('012 531');
  });

  test('tells a template no date: a run’s prompts do not depend on the day', () => {
    const text = '{% if strftime_now is defined %}{{ strftime_now("%d") }}{% else %}26 Jul 2024{% endif %}';
    expect(renderChat(template(text), [])).toBe('26 Jul 2024');
  });

  test.each<[string | undefined, string]>([
    [undefined, 'the model has no chat template'],
    ['{% for message in messages %}', 'its chat template cannot be read ('],
    ['{{ strftime_now("%d") }}', 'its chat template fails ('],
  ])('refuses the template %s', (text, state) => {
    const render = () => renderChat(text === undefined ? undefined : template(text), MESSAGES);
    expect(render).toThrow(`Cannot render messages: ${state}`);
    expect(render).toThrow('give the text as "prompt" instead');
    expect(render).toThrow(expect.objectContaining({ code: 'chat-template-unsupported' }));
  });

  test('passes on what the template says against the messages', () => {
    const render = () => renderChat(template('{{ raise_exception("System role not supported") }}'), MESSAGES);
    expect(render).toThrow(
      'Cannot render messages: the model\'s chat template says "System role not supported", expected messages that it takes',
    );
    expect(render).toThrow(expect.objectContaining({ code: 'chat-messages-invalid' }));
  });
});

describe('chatTemplateOf()', () => {
  const settings = (json: object) => ['tokenizer_config.json', JSON.stringify(json)] as const;

  test('takes the template’s own file before the settings', () => {
    const files = new Map([settings({ chat_template: 'a' }), ['chat_template.jinja', 'b']]);
    expect(chatTemplateOf(files)?.text).toBe('b');
    files.delete('chat_template.jinja');
    expect(chatTemplateOf(files)?.text).toBe('a');
    expect(chatTemplateOf(new Map([settings({})]))).toBeUndefined();
    expect(chatTemplateOf(new Map())).toBeUndefined();
  });

  test('takes the one named default of several', () => {
    const named = (name: string) => ({ name, template: name });
    expect(chatTemplateOf(new Map([settings({ chat_template: ['tool_use', 'default'].map(named) })]))?.text).toBe(
      'default',
    );
    expect(chatTemplateOf(new Map([settings({ chat_template: [named('rag')] })]))).toBeUndefined();
  });

  test('finds special tokens in either form and file', () => {
    const files = new Map([
      settings({
        chat_template: 'a',
        bos_token: { content: '<s>', lstrip: false },
        pad_token: null,
        add_bos_token: true,
      }),
      ['special_tokens_map.json', JSON.stringify({ bos_token: 'old', eos_token: '</s>' })],
    ]);
    expect(chatTemplateOf(files)?.tokens).toEqual({ bos_token: '<s>', eos_token: '</s>' });
  });
});

test('userTurn() puts a prompt into the template, and leaves it alone where there is none', () => {
  expect(userTurn(template(CHATML_TEMPLATE), '2+2?')).toBe('<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n');
  expect(userTurn(undefined, '2+2?')).toBe('2+2?');
});
