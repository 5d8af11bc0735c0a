!> The functions in C++ that are given a value, or memory for one, of any type, and are called by the submodules of each.
module locum_value_calls
  use, intrinsic :: iso_c_binding
  use locum_calls, only: locum_key
  implicit none
  public

  interface
    function fortran_put_async(store, name, length, value, lifetime, tag, tag_length, wait_for_room, deadline, future) &
      bind(C, name="locum_fortran_put_async") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      type(*), intent(in) :: value(..)
      real(c_double), intent(in), optional :: lifetime
      character(kind=c_char), intent(in), optional :: tag(*)
      integer(c_size_t), value :: tag_length
      logical(c_bool), value :: wait_for_room
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(inout) :: future
      integer(c_int) :: status
    end function
    !> `each_has`: whether `stats` were set.
    function fortran_put_batch(store, names, values, lifetime, tag, tag_length, wait_for_room, deadline, keys, stats, each_has) &
      bind(C, name="locum_fortran_put_batch") result(status)
      import
      type(c_ptr), value :: store
      type(*), intent(in) :: names(..)
      type(*), intent(in) :: values(..)
      real(c_double), intent(in), optional :: lifetime
      character(kind=c_char), intent(in), optional :: tag(*)
      integer(c_size_t), value :: tag_length
      logical(c_bool), value :: wait_for_room
      real(c_double), intent(in), optional :: deadline
      type(locum_key), intent(inout), optional :: keys(:)
      integer(c_int), intent(inout), optional :: stats(:)
      logical(c_bool), intent(out) :: each_has
      integer(c_int) :: status
    end function
    function fortran_promise_set(promise, value, deadline, key) bind(C, name="locum_fortran_promise_set") result(status)
      import
      type(c_ptr), value :: promise
      type(*), intent(in) :: value(..)
      real(c_double), intent(in), optional :: deadline
      type(locum_key), intent(out), optional :: key
      integer(c_int) :: status
    end function
    function fortran_queue_put(queue, value, lifetime, tag, tag_length, wait_for_room, deadline, number) &
      bind(C, name="locum_fortran_queue_put") result(status)
      import
      type(c_ptr), value :: queue
      type(*), intent(in) :: value(..)
      real(c_double), intent(in), optional :: lifetime
      character(kind=c_char), intent(in), optional :: tag(*)
      integer(c_size_t), value :: tag_length
      logical(c_bool), value :: wait_for_room
      real(c_double), intent(in), optional :: deadline
      integer(c_int64_t), intent(out), optional :: number
      integer(c_int) :: status
    end function
    function fortran_read(store, name, length, key, array, start, count, stride, deadline) bind(C, name="locum_fortran_read") &
      result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in), optional :: name(*)
      integer(c_size_t), value :: length
      type(locum_key), intent(in), optional :: key
      type(*), intent(inout) :: array(..)
      type(*), intent(in), optional :: start(..), count(..), stride(..)
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_read_async(store, name, length, array, start, count, stride, deadline, future) &
      bind(C, name="locum_fortran_read_async") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      type(*), intent(inout), asynchronous :: array(..)
      type(*), intent(in), optional :: start(..), count(..), stride(..)
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(inout) :: future
      integer(c_int) :: status
    end function
    function fortran_step_read(step, name, length, array, start, count, stride, deadline) &
      bind(C, name="locum_fortran_step_read") result(status)
      import
      type(c_ptr), value :: step
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      type(*), intent(inout) :: array(..)
      type(*), intent(in), optional :: start(..), count(..), stride(..)
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_files_save(files, path, length, value, format, format_length, options, options_length, backend, &
      backend_length) bind(C, name="locum_fortran_files_save") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      type(*), intent(in) :: value(..)
      character(kind=c_char), intent(in), optional :: format(*)
      integer(c_size_t), value :: format_length
      character(kind=c_char), intent(in), optional :: options(*)
      integer(c_size_t), value :: options_length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      integer(c_int) :: status
    end function
    function fortran_files_read(files, path, length, array, start, count, stride, format, format_length, options, &
      options_length, backend, backend_length, deadline, member, member_length) bind(C, name="locum_fortran_files_read") &
      result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      type(*), intent(inout) :: array(..)
      type(*), intent(in), optional :: start(..), count(..), stride(..)
      character(kind=c_char), intent(in), optional :: format(*)
      integer(c_size_t), value :: format_length
      character(kind=c_char), intent(in), optional :: options(*)
      integer(c_size_t), value :: options_length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      real(c_double), intent(in), optional :: deadline
      character(kind=c_char), intent(in), optional :: member(*)
      integer(c_size_t), value :: member_length
      integer(c_int) :: status
    end function
    function fortran_zarr_read(array, into, start, count, stride, strict) bind(C, name="locum_fortran_zarr_read") result(status)
      import
      type(c_ptr), value :: array
      type(*), intent(inout) :: into(..)
      type(*), intent(in), optional :: start(..), count(..), stride(..)
      logical(c_bool), value :: strict
      integer(c_int) :: status
    end function
    function fortran_zarr_write(array, values, start, partial, deadline) bind(C, name="locum_fortran_zarr_write") result(status)
      import
      type(c_ptr), value :: array
      type(*), intent(in) :: values(..)
      type(*), intent(in), optional :: start(..)
      logical(c_bool), value :: partial
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_zarr_append(array, values, deadline) bind(C, name="locum_fortran_zarr_append") result(status)
      import
      type(c_ptr), value :: array
      type(*), intent(in) :: values(..)
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_zarr_attribute(array, name, length, into) bind(C, name="locum_fortran_zarr_attribute") result(status)
      import
      type(c_ptr), value :: array
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      type(*), intent(inout) :: into(..)
      integer(c_int) :: status
    end function
    function fortran_experiment_set(experiment, path, length, value) bind(C, name="locum_fortran_experiment_set") result(status)
      import
      type(c_ptr), value :: experiment
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      type(*), intent(in) :: value(..)
      integer(c_int) :: status
    end function
    function fortran_experiment_read(experiment, path, length, into, start, count, stride) &
      bind(C, name="locum_fortran_experiment_read") result(status)
      import
      type(c_ptr), value :: experiment
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      type(*), intent(inout) :: into(..)
      type(*), intent(in), optional :: start(..), count(..), stride(..)
      integer(c_int) :: status
    end function
  end interface
end module
