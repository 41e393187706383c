/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IMPORT_LAT_PLACEMENT_H
#define IMPORT_LAT_PLACEMENT_H

/*
 * From now on softgpu makes buffers of runs of @pages at most, neighbours never
 * adjacent; 0: as it comes.
 */
int placement_fragment(unsigned long pages);

#endif /* IMPORT_LAT_PLACEMENT_H */
