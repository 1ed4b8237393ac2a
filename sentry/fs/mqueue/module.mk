moat-objs += sentry/fs/mqueue/mqueue.o sentry/fs/mqueue/mq_queue.o
