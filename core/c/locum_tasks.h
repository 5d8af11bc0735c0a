/* Queues of tasks in C. See locum.h for errors, handles and options. */
#ifndef LOCUM_LOCUM_TASKS_H
#define LOCUM_LOCUM_TASKS_H

#include <locum/locum_stores.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct locum_queue_handle *locum_queue;
typedef struct locum_task_handle *locum_task;

/* Opens the queue of that name over a store, or makes it. */
LOCUM_CHECKED locum_status locum_queue_open(locum_store store, const char *name, locum_queue *queue);
/* Puts a task: an array. `number` may be NULL. */
LOCUM_CHECKED locum_status locum_queue_put(locum_queue queue, const locum_array *array,
                                           const locum_put_options *options, uint64_t *number);
/* Blocks until there is a task that no other process has taken, and takes it. The view is valid until it is
 * released, also after the task was done. LOCUM_END_OF_STREAM once the queue was closed and all tasks are
 * done. */
LOCUM_CHECKED locum_status locum_queue_take(locum_queue queue, double deadline_s, locum_task *task,
                                            locum_view *view);
/* Marks the task as done. Sets *task to NULL. */
LOCUM_API locum_status locum_task_done(locum_task *task, double deadline_s);
/* Returns the task to the queue, for another taker. Sets *task to NULL. */
LOCUM_API locum_status locum_task_release(locum_task *task);
/* Closes the queue to puts, of all processes. */
LOCUM_CHECKED locum_status locum_queue_close(locum_queue queue);
/* Releases the handle; the queue and its tasks stay. Sets *queue to NULL. */
LOCUM_API locum_status locum_queue_release(locum_queue *queue);

#ifdef __cplusplus
}
#endif

#endif
