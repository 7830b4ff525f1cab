// The same SQS batch in Node.js, as middy's and Powertools' documentation have it: one line in, milliseconds out.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import middy from "@middy/core";
import { BatchProcessor, BatchProcessorSync, EventType, processPartialResponse, processPartialResponseSync } from "@aws-lambda-powertools/batch";

const text = readFileSync("event.json", "utf8");
const context = { awsRequestId: "1", functionName: "bench", getRemainingTimeInMillis: () => 60000 };
const processor = new BatchProcessor(EventType.SQS);
const processorSync = new BatchProcessorSync(EventType.SQS);

const read = (record) => {
  const body = JSON.parse(record.body);
  return [body.id, body.kind, body.amount].length;
};
const candidates = {
  async: middy(async (event, given) =>
    processPartialResponse(event, async (record) => read(record), processor, { context: given })),
  sync: middy(async (event, given) => processPartialResponseSync(event, read, processorSync, { context: given })),
};

for await (const line of createInterface({ input: process.stdin })) {
  const event = JSON.parse(text);
  const began = performance.now();
  const reply = await candidates[line](event, context);
  const took = performance.now() - began;
  if (reply.batchItemFailures.length) throw new Error("a record failed");
  console.log(took.toFixed(4));
}
