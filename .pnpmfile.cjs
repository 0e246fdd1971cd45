// @sparticuz/chromium's archive is unpacked here without its own code, whose Node versions it states: a warning at every install would be wrong.
exports.hooks = {
  readPackage(manifest) {
    if (manifest.name === "@sparticuz/chromium") delete manifest.engines;
    return manifest;
  },
};
