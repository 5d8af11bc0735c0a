/* Stand-ins of objects, and promises, in C. See locum.h for errors, handles and options. */
#ifndef LOCUM_LOCUM_STAND_INS_H
#define LOCUM_LOCUM_STAND_INS_H

#include <locum/locum_stores.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct locum_proxy_handle *locum_proxy;
typedef struct locum_promise_handle *locum_promise;

/* Makes a stand-in for an existing object: its handle travels in place of the object. */
LOCUM_CHECKED locum_status locum_proxy_of(locum_store store, const char *name, double deadline_s,
                                          locum_proxy *proxy);
LOCUM_CHECKED locum_status locum_proxy_of_key(locum_store store, const locum_key *key, double deadline_s,
                                              locum_proxy *proxy);
/* Makes a stand-in of a handle, perhaps of another rank. Transfers nothing; an error of the handle is the
 * result of the first use. LOCUM_CLOSED if the runtime, or the session over that backend, is not open
 * here. */
LOCUM_CHECKED locum_status locum_proxy_of_handle(const locum_handle *handle, locum_proxy *proxy);
LOCUM_CHECKED locum_status locum_proxy_handle_of(locum_proxy proxy, locum_handle *handle);
/* Returns the type of the object's elements, and whether it is an array of them, without its transfer: the
 * handle says it. Of texts and bytes, which are arrays of one dimension, it asks for the metadata, within the
 * deadline. LOCUM_NO_TYPE: neither says it, as of classes, encoded values and promises. */
LOCUM_CHECKED locum_status locum_proxy_type(locum_proxy proxy, double deadline_s, int32_t *type,
                                            bool *is_array);
/* Returns the object, pinned; blocks until it has come, or its promise was set. */
LOCUM_CHECKED locum_status locum_proxy_get(locum_proxy proxy, double deadline_s, locum_view *view);
/* Begins to transfer the object, and returns. */
LOCUM_CHECKED locum_status locum_proxy_prefetch(locum_proxy proxy);
/* Returns whether locum_proxy_get() would not block. */
LOCUM_CHECKED locum_status locum_proxy_ready(locum_proxy proxy, bool *ready);
/* Releases the stand-in; the object stays. Sets *proxy to NULL. */
LOCUM_API locum_status locum_proxy_release(locum_proxy *proxy);

/* Makes a promise of an object that is put later, under a name or without one (NULL). */
LOCUM_CHECKED locum_status locum_promise_make(locum_store store, const char *name, double deadline_s,
                                              locum_promise *promise);
/* Makes the stand-in of a promise: who gets it waits until the promise is set. */
LOCUM_CHECKED locum_status locum_promise_proxy(locum_promise promise, locum_proxy *proxy);
/* Puts the promised object. Once. `key` may be NULL. */
LOCUM_CHECKED locum_status locum_promise_set(locum_promise promise, const locum_array *array,
                                             double deadline_s, locum_key *key);
/* Releases the promise; if it was not set, who waits for it gets LOCUM_BROKEN_PROMISE. Sets *promise to
 * NULL. */
LOCUM_API locum_status locum_promise_release(locum_promise *promise);

#ifdef __cplusplus
}
#endif

#endif
