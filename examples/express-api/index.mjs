// An Express application, unchanged by where it runs: serverless-http turns API Gateway's events into requests.
import express from 'express';
import serverless from 'serverless-http';

const app = express();
app.use(express.json());

const prices = { tea: 350, cake: 420 };

app.get('/menu', (_request, response) => response.json(prices));

app.post('/tables/:table/bill', (request, response) => {
  const { lines } = request.body ?? {};
  if (!Array.isArray(lines)) return response.status(400).json({ error: 'lines is missing' });
  const unknown = lines.find((line) => !(line.dish in prices));
  if (unknown) return response.status(404).json({ error: `no ${unknown.dish} on the menu` });
  const totalCents = lines.reduce((sum, line) => sum + prices[line.dish] * line.count, 0);
  const { table } = request.params;
  response.status(201).json({ table, totalCents, waiter: request.get('x-waiter') ?? null });
});

export const handler = serverless(app);
