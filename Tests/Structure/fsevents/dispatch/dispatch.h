// As much of libdispatch as fsevents.c uses, for a system without FSEvents.
#ifndef STAND_IN_DISPATCH_H
#define STAND_IN_DISPATCH_H
#include <stddef.h>
typedef struct stand_in_queue *dispatch_queue_t;
typedef void (*dispatch_function_t)(void *);
#define DISPATCH_QUEUE_SERIAL NULL
dispatch_queue_t dispatch_queue_create(const char *label, void *attributes);
void dispatch_async_f(dispatch_queue_t queue, void *context, dispatch_function_t work);
void dispatch_sync_f(dispatch_queue_t queue, void *context, dispatch_function_t work);
void dispatch_release(dispatch_queue_t queue);
#endif
