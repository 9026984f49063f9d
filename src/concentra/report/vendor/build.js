// Bundles the packages of package.json into one script and one style sheet, and gathers their licences.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const options = { bundle: true, minify: true, metafile: true, legalComments: "none", charset: "ascii" };
const script = await build({ ...options, entryPoints: ["entry.js"], outfile: "bundle.min.js", format: "iife", globalName: "Bundle", target: "es2021" });
const style = await build({ ...options, entryPoints: ["entry.css"], outfile: "bundle.min.css" });
const files = [script, style].flatMap(made => Object.keys(made.metafile.inputs));
const folders = files.map(file => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]).filter(Boolean);
const licences = [...new Set(folders)].sort().map(folder => {
  const about = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const name = readdirSync(folder).find(file => /^licen[cs]e/i.test(file));
  const text = name ? readFileSync(`${folder}/${name}`, "utf8").trim() : `Licence: ${about.license}`;
  return `${about.name} ${about.version} (${about.license})\n\n${text}`;
});
writeFileSync("LICENSES.txt", licences.join(`\n\n${"-".repeat(80)}\n\n`) + "\n");
