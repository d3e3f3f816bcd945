// One JSON text a line: a schema and instances, `{"schema": ..., "instances": [...]}`; answers one list of booleans a line.
import { createInterface } from "node:readline";
import Ajv from "ajv/dist/2020.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { schema, instances } = JSON.parse(line);
  // Formats are asserted by the patterns beside them.
  const ajv = new Ajv({ validateFormats: false, allowUnionTypes: true });
  const validate = ajv.compile(schema);
  process.stdout.write(JSON.stringify(instances.map((each) => validate(each))) + "\n");
}
