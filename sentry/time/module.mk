moat-objs += sentry/time/clock.o
moat-objs += sentry/time/clock_model.o
moat-objs += sentry/time/group_timers.o
moat-objs += sentry/time/guest_clock.o
moat-objs += sentry/time/guest_timer.o
moat-objs += sentry/time/timer.o
moat-objs += sentry/time/timer_heap.o
