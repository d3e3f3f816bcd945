// Every statement here names a column that is not there, or a value of another type: the compiler refuses each.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const client = createClient<paths, "application/json">({ baseUrl: "http://localhost" });
const { data } = await client.GET("/orders");
export const misread = data?.[0]?.custmer;
export const miswritten = await client.POST("/orders", {
  body: { order_id: 1, custmer: "Ada", amount: 1, placed_at: "2026-11-23T07:30:00Z" },
});
export const misfiltered = await client.GET("/orders", { params: { query: { custmer: "eq.Ada" } } });
export const mistyped: components["schemas"]["orders.update"] = { amount: "much" };
export const incomplete: components["schemas"]["orders.insert"] = { order_id: 1 };
export const misplaced = await client.GET("/order");
