// The last page of a framed window: tells the shop's page how it ended.
(function () {
  "use strict";
  var told = document.getElementById("told").dataset;
  window.parent.postMessage(JSON.parse(told.message), told.opener);
})();
