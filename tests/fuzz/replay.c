/* SPDX-License-Identifier: BSD-2-Clause */
/* replay.c - runs a fuzz target over files, without libFuzzer. */
#include "fuzz.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_ROOM = 4096 };

/* file_replay - says its name first: the last one that was said is what failed */
static void
file_replay(const char *path, off_t size)
{
	FILE *file = fopen(path, "r");
	uint8_t *data = malloc(size > 0 ? (size_t)size : 1);

	fprintf(stderr, "Running: %s\n", path);
	fuzz_expect(file != NULL && data != NULL);
	fuzz_expect(fread(data, 1, (size_t)size, file) == (size_t)size);
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
}

static void replay(const char *path);

static void
folder_replay(const char *path)
{
	struct dirent **entry;
	char name[PATH_ROOM];
	int n = scandir(path, &entry, NULL, alphasort);

	fuzz_expect(n >= 0);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.')
			replay(name);
		free(entry[i]);
	}
	free(entry);
}

static void
replay(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		fuzz_fail(__FILE__, __LINE__, path);
	if (S_ISDIR(st.st_mode))
		folder_replay(path);
	else
		file_replay(path, st.st_size);
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE-OR-FOLDER...\n", argv[0]);
		return 64;
	}
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	return EXIT_SUCCESS;
}
