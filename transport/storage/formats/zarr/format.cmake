locum_format(zarr ENDINGS .zarr)
