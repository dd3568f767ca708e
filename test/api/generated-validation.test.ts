import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { unknownSamples, type ValidationCase, validationCases } from './generated-validation-cases.ts';
import { authorization, startTestServer } from './protocol-server.ts';

const CONNECTIONS = 8;
const CASES_MIN = 3000;
const SHOWN_FAILURES_MAX = 20;

interface Answer {
  readonly status: number;
  readonly name: string;
  readonly message: string;
}

function ask(port: number, agent: Agent, { method, path, headers, body }: ValidationCase): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', agent, method, path };
    const length = { 'Content-Length': String(Buffer.byteLength(body ?? '')) };
    const asked = request(
      { ...options, headers: { Authorization: authorization, ...length, ...headers } },
      (answer) => {
        text(answer).then((said) => {
          const status = answer.statusCode ?? 0;
          const { message = '', Message = '' } = status < 300 ? {} : (JSON.parse(said) as Record<string, string>);
          resolve({ status, name: String(answer.headers['x-amzn-errortype'] ?? ''), message: message || Message });
        }, reject);
      },
    );
    asked.once('error', reject);
    asked.end(body);
  });
}

function complaintOf({ title, refusal }: ValidationCase, { status, name, message }: Answer): string | undefined {
  if (refusal === undefined) return status < 300 ? undefined : `${title}: ${status} ${name} ${message}`;
  const isSaid = typeof refusal.message === 'string' ? refusal.message === message : refusal.message.test(message);
  if (status === 400 && name === refusal.name && isSaid) return undefined;
  return `${title}:\n  answered ${status} ${name} ${message}\n  expected 400 ${refusal.name} ${refusal.message}`;
}

describe('every constrained member of every operation, through HTTP', () => {
  it('has a valid request to begin with', () => assert.deepEqual(unknownSamples(), []));

  it('refuses what breaks it, in the words that the model gives', { timeout: 60_000 }, async () => {
    await using server = await startTestServer();
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    const cases = validationCases();
    const complaints: string[] = [];
    let count = 0;
    const lane = async () => {
      for (const each of cases) {
        count += 1;
        const complaint = complaintOf(each, await ask(server.port, agent, each));
        if (complaint) complaints.push(complaint);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, lane));
    agent.destroy();
    assert.equal(
      complaints.length,
      0,
      `${complaints.length} of ${count}:\n${complaints.slice(0, SHOWN_FAILURES_MAX).join('\n')}`,
    );
    assert.ok(count >= CASES_MIN, `${count} cases`);
  });
});
