/* What another copy of the library shows: its file is another one. */
const char *locum_version(void);

const char *locum_version(void) { return "another"; }
