// The names that page.js calls: charts of Vega-Lite, drawn without eval, tables of DataTables, and gzip unpacked at once.
// Of Vega only the transforms that our charts use: no maps, trees, forces, clouds of words.
import { transforms } from "vega-dataflow";
import * as basic from "vega-transforms";
import * as views from "vega-view-transforms";
import * as encoders from "vega-encode";

Object.assign(transforms, basic, views, encoders);

export { View } from "vega-view";
export { parse } from "vega-parser";
export { compile } from "vega-lite";
export { expressionInterpreter } from "vega-interpreter";
export { Handler } from "vega-tooltip";
export { gunzipSync } from "fflate";
export { default as DataTable } from "datatables.net-dt";
import "datatables.net-buttons-dt";
import "datatables.net-columncontrol-dt";
