// Writes, reads, filters, changes, and deletes rows with types that are made from the OpenAPI document.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };
type Order = components["schemas"]["orders"];

const [, , baseUrl, token] = process.argv as [string, string, string, string];
const client = createClient<paths, "application/json">({
  baseUrl,
  headers: { Authorization: `Bearer ${token}` },
});

const order: components["schemas"]["orders.insert"] = {
  order_id: 1,
  customer: "Ada",
  amount: 12.5,
  placed_at: "2026-11-23T07:30:00Z",
};
const written = await client.POST("/orders", {
  params: { header: { "Idempotency-Key": "openapi-fetch-1" } },
  body: [order, { ...order, order_id: 2, customer: "Grace", note: null, tags: ["a"], extra: { any: [1] } }],
});
if (written.error) throw new Error(written.error.message);
const batch: number | null = written.data.batch;

const whole = await client.GET("/orders", { params: { query: { order: "order_id" } } });
const orders = whole.data as Order[];
const customers: string[] = orders.map((each) => each.customer);

const some = await client.GET("/orders", {
  params: { query: { amount: "gte.10", customer: "ilike.g*", select: "order_id,paid", _batch: `eq.${batch}` } },
});
const paid: boolean | undefined = some.data?.[0]?.paid;

const counted = await client.HEAD("/orders", { params: { header: { Prefer: "count=exact" } } });
const changed = await client.PATCH("/orders", {
  params: { query: { order_id: "eq.1" } },
  body: { paid: true },
});
const removed = await client.DELETE("/orders", { params: { query: { order_id: "eq.2" } } });
const left = await client.GET("/orders", { params: { query: { select: "order_id,paid" } } });
const refused = await client.POST("/orders", { body: { ...order, customer: "x".repeat(201) } });

console.log(
  JSON.stringify({
    batch,
    customers,
    some: some.data,
    paid,
    count: counted.response.headers.get("Content-Range"),
    statuses: [changed.response.status, removed.response.status],
    left: left.data,
    refused: refused.error && [refused.error.code, refused.error.errors?.[0]?.field],
  }),
);
