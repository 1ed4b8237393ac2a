moat-objs += sentry/fs/synth/synth_inode.o sentry/fs/synth/synth_file.o
moat-objs += sentry/fs/synth/synth_dir.o
