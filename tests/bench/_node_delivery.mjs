// The delivery worker's batch in Node.js, from its libraries' documentation: one line in, one line out.
// "sdk" and "plain" (without the SDK's unmarshall) answer milliseconds, "codec" the files' codec; "keep" writes the files.
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import zlib from "node:zlib";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import avro from "avsc";

const text = readFileSync("event.json", "utf8");
const { salt, tables } = JSON.parse(readFileSync("tables.json", "utf8"));
for (const table of Object.values(tables)) {
  table.type = avro.Type.forSchema(table.avro);
  table.taken = new Set(["type", ...table.fields.map((field) => field.attribute)]);
}

const codec = zlib.zstdCompress ? "zstandard" : "deflate";
const level = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };
const codecs = {
  deflate: zlib.deflateRaw, // in threads, beside the script
  zstandard: (block, done) => zlib.zstdCompress(block, level, done),
};

const PERSONAL_NAME = /^to$|(?:phone|phonenumber|msisdn|email|emailaddress|firstname|lastname|address|dob|token|authorization|apikey|secret|password|signature|cookie|messagebody)(?:e?s)?$/;
const PERSONAL = /[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+|(?:\+|%2[Bb])[1-9]\d{6,14}(?!\d)|eyJ[\w-]+\.[\w-]+\.[\w-]*|\bbearer\s+[\w.~+/=-]+/gi;

const redacted = (value) => {
  if (typeof value === "string") return value.replace(PERSONAL, "[redacted]");
  if (Array.isArray(value)) return value.map(redacted);
  if (value === null || typeof value !== "object") return value;
  const kept = {};
  for (const [name, each] of Object.entries(value)) {
    if (!PERSONAL_NAME.test(name.replace(/[_-]/g, "").toLowerCase())) kept[name] = redacted(each);
  }
  return kept;
};

const plain = (typed) => {
  for (const kind in typed) {
    const value = typed[kind];
    switch (kind) {
      case "S": case "BOOL": return value;
      case "N": return Number(value);
      case "NULL": return null;
      case "M": return plainItem(value);
      case "L": return value.map(plain);
      case "NS": return value.map(Number);
      default: return value;
    }
  }
};
const plainItem = (image) => {
  const item = {};
  for (const name in image) item[name] = plain(image[name]);
  return item;
};

const hashed = (value) => createHmac("sha256", salt).update(value.trim().toLowerCase()).digest("hex");

const rowOf = (change, item, { fields, taken }) => {
  const row = {
    change_id: change.eventID,
    change_type: change.eventName,
    changed_at_ms: change.dynamodb.ApproximateCreationDateTime,
    deleted: change.eventName === "REMOVE",
  };
  const rest = {};
  for (const name in item) if (!taken.has(name)) rest[name] = item[name];
  for (const { name, attribute, inner, hash } of fields) {
    let value = item[attribute];
    if (inner && value) {
      const { [inner]: found, ...others } = value;
      if (Object.keys(others).length) rest[attribute] = others;
      value = found;
    }
    row[name] = hash && value ? hashed(value) : value ?? null;
  }
  row.extra_json = Object.keys(rest).length ? JSON.stringify(redacted(rest)) : null;
  return row;
};

const written = (rows, type) => new Promise((done, failed) => {
  const chunks = [];
  const encoder = new avro.streams.BlockEncoder(type, { codec, codecs });
  encoder.on("data", (chunk) => chunks.push(chunk)).on("end", () => done(Buffer.concat(chunks))).on("error", failed);
  for (const row of rows) encoder.write(row);
  encoder.end();
});

const delivered = async (event, itemOf) => {
  const groups = new Map();
  for (const record of event.Records) {
    const change = JSON.parse(Buffer.from(record.kinesis.data, "base64").toString("utf8"));
    const item = itemOf(change.eventName === "REMOVE" ? change.dynamodb.OldImage : change.dynamodb.NewImage);
    const date = new Date(change.dynamodb.ApproximateCreationDateTime).toISOString().slice(0, 10);
    const place = `${item.type}/${date}`;
    if (!groups.has(place)) groups.set(place, { table: tables[item.type], rows: [] });
    const group = groups.get(place);
    group.rows.push(rowOf(change, item, group.table));
  }
  return Promise.all([...groups.values()].map(({ table, rows }) => written(rows, table.type)));
};

const answers = {
  codec: async () => codec,
  keep: async () => {
    const files = await delivered(JSON.parse(text), unmarshall);
    files.forEach((file, at) => writeFileSync(`${at}.avro`, file));
    return files.length;
  },
  sdk: () => timed(unmarshall),
  plain: () => timed(plainItem),
};

const timed = async (itemOf) => {
  const event = JSON.parse(text);
  const began = performance.now();
  await delivered(event, itemOf);
  return (performance.now() - began).toFixed(4);
};

for await (const line of createInterface({ input: process.stdin })) console.log(await answers[line]());
