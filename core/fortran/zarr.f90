!> Arrays of Zarr: calls that do not depend on a type.
submodule (locum) zarr
  use, intrinsic :: iso_c_binding, only: c_char, c_int, c_size_t
  use locum_calls, only: fortran_names, fortran_names_take, optional_bool, optional_length
  implicit none

  !> What an array of Zarr is, in the order of Fortran.
  type, bind(C) :: fortran_zarr_info
    integer(c_int64_t) :: shape(8) = 0
    integer(c_int64_t) :: chunks(8) = 0
    integer(c_int64_t) :: files(8) = 0
    integer(c_int32_t) :: type = 0
    integer(c_int32_t) :: rank = 0
    integer(c_int32_t) :: version = 0
  end type

  interface
    function fortran_zarr_open(files, path, length, backend, backend_length, array) bind(C, name="locum_fortran_zarr_open") &
      result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      type(c_ptr), intent(inout) :: array
      integer(c_int) :: status
    end function
    function fortran_zarr_create(files, path, length, element_type, shape, chunks, shards, codecs, codecs_length, fill, &
      dimensions, attributes, attributes_length, version, backend, backend_length, array) &
      bind(C, name="locum_fortran_zarr_create") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      integer(c_int32_t), value :: element_type
      type(*), intent(in) :: shape(..)
      type(*), intent(in), optional :: chunks(..), shards(..)
      character(kind=c_char), intent(in), optional :: codecs(*)
      integer(c_size_t), value :: codecs_length
      type(*), intent(in), optional :: fill(..), dimensions(..)
      character(kind=c_char), intent(in), optional :: attributes(*)
      integer(c_size_t), value :: attributes_length
      integer(c_int32_t), intent(in), optional :: version
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      type(c_ptr), intent(inout) :: array
      integer(c_int) :: status
    end function
    function fortran_zarr_close(array) bind(C, name="locum_fortran_zarr_close") result(status)
      import
      type(c_ptr), intent(inout) :: array
      integer(c_int) :: status
    end function
    function fortran_zarr_info_get(array, info) bind(C, name="locum_fortran_zarr_info") result(status)
      import
      type(c_ptr), value :: array
      type(fortran_zarr_info), intent(out) :: info
      integer(c_int) :: status
    end function
    function fortran_zarr_dimensions(array, names, longest) bind(C, name="locum_fortran_zarr_dimensions") result(status)
      import
      type(c_ptr), value :: array
      type(fortran_names), intent(out) :: names
      integer(c_size_t), intent(out) :: longest
      integer(c_int) :: status
    end function
    function fortran_zarr_prefetch(array, start, count, stride, strict) bind(C, name="locum_fortran_zarr_prefetch") result(status)
      import
      type(c_ptr), value :: array
      type(*), intent(in), optional :: start(..), count(..), stride(..)
      logical(c_bool), value :: strict
      integer(c_int) :: status
    end function
    function fortran_zarr_resize(array, shape) bind(C, name="locum_fortran_zarr_resize") result(status)
      import
      type(c_ptr), value :: array
      type(*), intent(in) :: shape(..)
      integer(c_int) :: status
    end function
    function fortran_zarr_set_attributes(array, json, length) bind(C, name="locum_fortran_zarr_set_attributes") result(status)
      import
      type(c_ptr), value :: array
      character(kind=c_char), intent(in) :: json(*)
      integer(c_size_t), value :: length
      integer(c_int) :: status
    end function
  end interface

contains

  module procedure zarr_open
    call finish(fortran_zarr_open(files%handle, path, len_trim(path, c_size_t), backend, optional_length(backend), self%handle), &
      stat, errmsg)
  end procedure

  module procedure zarr_create
    call finish(fortran_zarr_create(files%handle, path, len_trim(path, c_size_t), int(element_type, c_int32_t), shape, chunks, &
      shards, codecs, optional_length(codecs), fill, dimensions, attributes, optional_length(attributes), version, backend, &
      optional_length(backend), self%handle), stat, errmsg)
  end procedure

  module procedure zarr_close
    call finish(fortran_zarr_close(self%handle), stat, errmsg)
  end procedure

  module procedure zarr_info
    type(fortran_zarr_info) :: found
    integer(c_int) :: status
    status = fortran_zarr_info_get(self%handle, found)
    if (status == locum_ok) then
      info%type = found%type
      info%shape = found%shape(:found%rank)
      info%chunks = found%chunks(:found%rank)
      info%files = found%files(:found%rank)
      info%version = found%version
    end if
    call finish(status, stat, errmsg)
  end procedure

  module procedure zarr_dimensions
    type(fortran_names) :: list
    integer(c_size_t) :: longest, at
    integer(c_int) :: status
    status = fortran_zarr_dimensions(self%handle, list, longest)
    if (status == locum_ok) then
      allocate (character(len=longest) :: names(list%count))
      call fortran_names_take(list, longest, names)
      do at = 1, size(names, kind=c_size_t) / 2
        names([at, size(names) - at + 1]) = names([size(names) - at + 1, at])
      end do
    else
      allocate (character(len=0) :: names(0))
    end if
    call finish(status, stat, errmsg)
  end procedure

  module procedure zarr_prefetch
    call finish(fortran_zarr_prefetch(self%handle, start, count, stride, optional_bool(strict)), stat, errmsg)
  end procedure

  module procedure zarr_resize
    call finish(fortran_zarr_resize(self%handle, shape), stat, errmsg)
  end procedure

  module procedure zarr_set_attributes
    call finish(fortran_zarr_set_attributes(self%handle, json, len_trim(json, c_size_t)), stat, errmsg)
  end procedure

end submodule
