const api = pm.variables.get("LP_DOMAIN_API"), scheme = api.split("://")[0];
const host = String(pm.response.json().baseURI);
const own = /^https?:\/\/((?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]+)?)$/.exec(api);
const trusted = (pm.variables.get("LP_TRUSTED_HOSTS") || "").toLowerCase().match(/[^\s,]+/g) || [];
const known = trusted.includes(host) || /^([a-z0-9-]+\.)+(liveperson|lpsnmedia)\.net(:443)?$/.test(host);
pm.collectionVariables.unset("@{service}");
if (own ? host !== own[1] : scheme !== "https" || !known) {
  pm.execution.setNextRequest(null);
  throw new Error("The Domain API names " + JSON.stringify(host) + " for @{service}, which may get no token.");
}
pm.collectionVariables.set("@{service}", scheme + "://" + pm.response.json().baseURI);
