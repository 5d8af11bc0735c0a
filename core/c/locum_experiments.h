/* Experiments in C: runs that can be found again. See locum.h for errors, handles and options. */
#ifndef LOCUM_LOCUM_EXPERIMENTS_H
#define LOCUM_LOCUM_EXPERIMENTS_H

#include <locum/locum_files.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct locum_experiment_handle *locum_experiment;

/* An experiment is a folder below files that has parameters and results of a run, as fields: small ones
 * together, each large one in a file of its own. See docs/guide/experiments.md. A handle is for one thread at
 * a time; `backend` is a name of locum_files_add(), or NULL. */

/* Opens the files of all experiments. `url` NULL: that of the variable LOCUM_EXPERIMENTS, or of the table
 * [experiments] in the file that LOCUM_STORES names. `session` NULL: for this process alone. Close them by
 * locum_files_close(). */
LOCUM_CHECKED locum_status locum_files_of_experiments(locum_session session, const char *url,
                                                      locum_files *files);

typedef struct locum_experiment_options {
  const char *commit;     /* version of the program; of a new experiment; NULL: none */
  const char *backend;    /* NULL: the URL of the files */
  uint64_t outside_bytes; /* stored size from which on a field is kept in a file of its own; 0: 4096 */
  uint64_t no_table;      /* 1: the table experiments.sqlite is not kept */
  double table_wait_s;    /* for other processes that use the table; 0: 10 */
  uint64_t reserved[4];   /* 0 */
} locum_experiment_options;

/* Opens the experiment of that ID, or begins a new one, which locum_experiment_persist() is to make. An ID is
 * the name of a folder. LOCUM_KEY_EXISTS if it is a prefix of locum_record_io_write(). */
LOCUM_CHECKED locum_status locum_experiment_open(locum_files files, const char *id,
                                                 const locum_experiment_options *options,
                                                 locum_experiment *experiment);
/* Releases the handle; changes that were not persisted are lost. Sets *experiment to NULL. */
LOCUM_API locum_status locum_experiment_close(locum_experiment *experiment);
/* Sets a field, as a copy: a value as that of locum_files_save(). */
LOCUM_CHECKED locum_status locum_experiment_set(locum_experiment experiment, const char *field,
                                                const locum_array *value);
/* Gives a field as locum_files_load() gives what a file holds; a stored Record that is null if there is none.
 * Reads the file of one that is outside. LOCUM_STALE if another program has persisted or removed the
 * experiment since. Release the view. */
LOCUM_CHECKED locum_status locum_experiment_get(locum_experiment experiment, const char *field,
                                                locum_view *view);
/* The same of a value within a field, by the names on the way to it: "parameters/solver/steps". Setting
 * makes the members on the way; LOCUM_TYPE_MISMATCH if something on it is neither null nor members. Getting
 * what does not exist is LOCUM_NOT_FOUND, whose text names what there is. A path without a `/` is that of a
 * field. Lists by parameters find numbers of 8 bytes (LOCUM_I64, LOCUM_F64), LOCUM_BOOL and texts. */
LOCUM_CHECKED locum_status locum_experiment_set_member(locum_experiment experiment, const char *path,
                                                       const locum_array *value);
LOCUM_CHECKED locum_status locum_experiment_get_member(locum_experiment experiment, const char *path,
                                                       locum_view *view);
/* Removes a field, from the files with the next persist; `existed` may be NULL. */
LOCUM_API locum_status locum_experiment_erase(locum_experiment experiment, const char *field, bool *existed);
/* Lists the names of the fields. Release the list. */
LOCUM_CHECKED locum_status locum_experiment_fields(locum_experiment experiment, locum_names *names);
/* Gives, as the only name, the URL of the file of a field, "" if it is kept inside or was changed; `field`
 * NULL: that of the folder. Release the list. */
LOCUM_CHECKED locum_status locum_experiment_url(locum_experiment experiment, const char *field,
                                                locum_names *url);
/* Gives a stored Record with the members id, status, reason, created_ns, persisted_ns (0: never), host,
 * commit and parameters. Release the view. */
LOCUM_CHECKED locum_status locum_experiment_info(locum_experiment experiment, locum_view *view);
/* Sets the status, "running", "done" or "failed", and why (NULL: nothing). */
LOCUM_CHECKED locum_status locum_experiment_set_status(locum_experiment experiment, const char *status,
                                                       const char *reason);
/* Keeps the fields: whoever opens the experiment finds the old one or the new one, whole. LOCUM_STALE if
 * another program has persisted it since it was read. */
LOCUM_CHECKED locum_status locum_experiment_persist(locum_experiment experiment);
/* Reads it again; changes are lost. LOCUM_NOT_FOUND if there is none. */
LOCUM_CHECKED locum_status locum_experiment_reload(locum_experiment experiment);
/* Persists the fields, changes included, under another ID. LOCUM_KEY_EXISTS if that is in use. */
LOCUM_CHECKED locum_status locum_experiment_copy(locum_experiment experiment, const char *id,
                                                 locum_experiment *copy);
/* Removes the experiment and its folder, with all that is in it; `existed` may be NULL. */
LOCUM_API locum_status locum_experiment_remove(locum_experiment experiment, bool *existed);

/* Lists the experiments of the files: a stored Record, a list of what locum_experiment_info() gives. `query`:
 * a stored Record with the members `where`, a list of members with `parameter`, as "solver.steps", and
 * `equals`, `at_least` or `at_most`; `status`; and `wait_s`, of waiting for other processes. NULL: all.
 * Release the view. */
LOCUM_CHECKED locum_status locum_experiments_list(locum_files files, const char *backend,
                                                  const locum_array *query, locum_view *view);
/* Gives the parameters in which these differ, a stored Record of lists in the order of `ids`. Release the
 * view. */
LOCUM_CHECKED locum_status locum_experiments_compare(locum_files files, const char *backend, size_t count,
                                                     const char *const *ids, locum_view *view);
/* Lists the files of fields that no experiment refers to, which are as old, in seconds, and removes them if
 * that is asked for: a stored Record, a list of members with `path` and `size_bytes`. Younger ones may belong
 * to a persist that has not ended: an hour is 3600. Release the view. */
LOCUM_CHECKED locum_status locum_experiments_garbage(locum_files files, const char *backend,
                                                     double older_than_s, bool removes, locum_view *view);
/* Makes the table of experiments again from their folders. `errors`, which may be NULL: texts of the errors
 * of those that cannot be read. Release the list. `wait_s` 0: 10. */
LOCUM_CHECKED locum_status locum_experiments_rebuild(locum_files files, const char *backend, double wait_s,
                                                     locum_names *errors);
/* Removes one as locum_experiment_remove(), also if it is damaged; `existed` may be NULL. */
LOCUM_API locum_status locum_experiments_remove(locum_files files, const char *backend, const char *id,
                                                bool *existed);

/* Writes a value, as that of locum_files_save(), to a new file under a prefix, which is the name of a folder
 * and no ID of an experiment (LOCUM_KEY_EXISTS). Gives its URL as the only name. Release the list. */
LOCUM_CHECKED locum_status locum_record_io_write(locum_files files, const char *backend, const char *prefix,
                                                 const locum_array *value, locum_names *url);
/* The same of bytes, as they are. */
LOCUM_CHECKED locum_status locum_record_io_write_bytes(locum_files files, const char *backend,
                                                       const char *prefix, const void *bytes, size_t size,
                                                       locum_names *url);
/* Gives what is at such a URL, as locum_files_load() does; of bytes an array of LOCUM_U8; of a field, by
 * locum_experiment_url(), the field. LOCUM_INVALID_ARGUMENT for a URL of another place. Release the view. */
LOCUM_CHECKED locum_status locum_record_io_read(locum_files files, const char *backend, const char *prefix,
                                                const char *url, locum_view *view);
/* Removes a file that was written under the prefix; `existed` may be NULL. */
LOCUM_API locum_status locum_record_io_remove(locum_files files, const char *backend, const char *prefix,
                                              const char *url, bool *existed);

#ifdef __cplusplus
}
#endif

#endif
