// Loaded into Azurite by `python -m benchmarks retention` (node --require). Azurite keeps what it knows of blobs in LokiJS, which
//
// * uses the index of a query's first key alone, and Azurite's queries begin with the account, which all blobs have in common, and
// * sorts every index anew when a document is removed by a query, as Azurite removes a blob,
//
// so that each DELETE looks at all blobs five times: 6 ms where there are some thousand, and more with every blob. Azure Storage looks at one.
// Here the name comes first, and few documents are removed one by one, which keeps the indexes. What a query finds, and what is left, is the same.
"use strict";

const path = require("node:path");
const Loki = require(path.join(__dirname, "../../build/azurite/node_modules/lokijs"));

const FEW = 8;
const Resultset = new Loki("", { persistenceMethod: "memory" }).addCollection("any").chain().constructor;
const { find, remove } = Resultset.prototype;

Resultset.prototype.find = function (query, firstOnly) {
  const byName = query && typeof query.name === "string" && this.collection.binaryIndices.name && !this.filterInitialized;
  return find.call(this, byName ? { name: query.name, ...query } : query, firstOnly);
};

Resultset.prototype.remove = function () {
  if (!this.filterInitialized || this.filteredrows.length > FEW) return remove.call(this);
  const documents = this.filteredrows.map((row) => this.collection.data[row]);
  for (const document of documents) this.collection.remove(document);
  this.filteredrows = [];
  return this;
};
