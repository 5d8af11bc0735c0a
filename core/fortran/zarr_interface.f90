    module subroutine zarr_open(self, files, path, backend, stat, errmsg)
      class(locum_zarr), intent(inout) :: self
      type(locum_files), intent(in) :: files
      character(len=*), intent(in) :: path
      character(len=*), intent(in), optional :: backend
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    !> `shape`, `chunks`, `shards`: one integer for each dimension, of 4 or 8 bytes.
    module subroutine zarr_create(self, files, path, element_type, shape, chunks, shards, codecs, fill, dimensions, attributes, &
      version, backend, stat, errmsg)
      class(locum_zarr), intent(inout) :: self
      type(locum_files), intent(in) :: files
      character(len=*), intent(in) :: path
      integer, intent(in) :: element_type
      type(*), intent(in) :: shape(..)
      type(*), intent(in), optional :: chunks(..), shards(..)
      character(len=*), intent(in), optional :: codecs
      type(*), intent(in), optional :: fill(..)
      character(len=*), intent(in), optional :: dimensions(:)
      character(len=*), intent(in), optional :: attributes
      integer, intent(in), optional :: version
      character(len=*), intent(in), optional :: backend
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine zarr_close(self, stat, errmsg)
      class(locum_zarr), intent(inout) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine zarr_info(self, info, stat, errmsg)
      class(locum_zarr), intent(in) :: self
      type(locum_zarr_info), intent(out) :: info
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine zarr_dimensions(self, names, stat, errmsg)
      class(locum_zarr), intent(in) :: self
      character(len=:), allocatable, intent(out) :: names(:)
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine zarr_prefetch(self, start, count, stride, strict, stat, errmsg)
      class(locum_zarr), intent(in) :: self
      type(*), intent(in), optional :: start(..), count(..), stride(..)
      logical, intent(in), optional :: strict
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine zarr_resize(self, shape, stat, errmsg)
      class(locum_zarr), intent(in) :: self
      type(*), intent(in) :: shape(..)
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine zarr_set_attributes(self, json, stat, errmsg)
      class(locum_zarr), intent(in) :: self
      character(len=*), intent(in) :: json
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
