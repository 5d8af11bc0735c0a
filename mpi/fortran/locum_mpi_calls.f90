!> The functions in C++, which stand on those of locum_mpi.h. Optional arguments that are absent are null there.
module locum_mpi_calls
  use, intrinsic :: iso_c_binding
  implicit none
  private
  public :: fortran_checkpoint, fortran_checkpoint_requested, fortran_future_checkpoint, fortran_restore, &
    fortran_runtime_close, fortran_runtime_drop, &
    fortran_runtime_fail, fortran_runtime_files, fortran_runtime_flush, fortran_runtime_lost_ranks, fortran_runtime_open, &
    fortran_runtime_place, &
    fortran_runtime_ranks, fortran_runtime_report, fortran_runtime_store, fortran_string, fortran_string_release, &
    locum_checkpoint_report

  !> Contents of a checkpoint: sums over all ranks, the same on each of them.
  type, bind(C) :: locum_checkpoint_report
    integer(c_int64_t) :: objects = 0
    integer(c_int64_t) :: bytes = 0
    integer(c_int64_t) :: reused_bytes = 0     !< not written, since an earlier checkpoint has them
    integer(c_int64_t) :: files = 0
    integer(c_int64_t) :: number = 0           !< the last number in its name: 42 of step0042.h5
    integer(c_int64_t) :: damaged_objects = 0  !< left out, by skip_damaged
  end type

  !> A text in memory of the library, until it is released: a locum_string of locum_mpi.h.
  type, bind(C) :: fortran_string
    type(c_ptr) :: text = c_null_ptr
    integer(c_size_t) :: length = 0
    type(c_ptr) :: library = c_null_ptr
  end type

  interface
    function fortran_runtime_open(comm, memory_bytes, timeout, collective_timeout, peer_timeout, prefetch_bytes, prepare_bytes, &
      spill_bytes, spill_folder, spill_folder_length, stores, stores_length, name, name_length, ranks_per_node, transport, log, &
      checkpoint_signal, as_others, runtime) bind(C, name="locum_fortran_runtime_open") result(status)
      import
      integer(c_int), value :: comm
      integer(c_int64_t), intent(in), optional :: memory_bytes
      real(c_double), intent(in), optional :: timeout, collective_timeout, peer_timeout
      integer(c_int64_t), intent(in), optional :: prefetch_bytes, prepare_bytes, spill_bytes
      character(kind=c_char), intent(in), optional :: spill_folder(*)
      integer(c_size_t), value :: spill_folder_length
      character(kind=c_char), intent(in), optional :: stores(*)
      integer(c_size_t), value :: stores_length
      character(kind=c_char), intent(in), optional :: name(*)
      integer(c_size_t), value :: name_length
      integer(c_int), intent(in), optional :: ranks_per_node, transport, log, checkpoint_signal
      logical(c_bool), value :: as_others
      type(c_ptr), intent(inout) :: runtime
      integer(c_int) :: status
    end function
    function fortran_runtime_close(runtime, deadline) bind(C, name="locum_fortran_runtime_close") result(status)
      import
      type(c_ptr), intent(inout) :: runtime
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_runtime_fail(runtime) bind(C, name="locum_fortran_runtime_fail") result(status)
      import
      type(c_ptr), intent(inout) :: runtime
      integer(c_int) :: status
    end function
    function fortran_runtime_lost_ranks(runtime, ranks, room, count) bind(C, name="locum_fortran_runtime_lost_ranks") result(status)
      import
      type(c_ptr), value :: runtime
      integer(c_int), intent(inout) :: ranks(*)
      integer(c_size_t), value :: room
      integer(c_size_t), intent(out) :: count
      integer(c_int) :: status
    end function
    function fortran_runtime_report(runtime, of_all, deadline, report) bind(C, name="locum_fortran_runtime_report") result(status)
      import
      type(c_ptr), value :: runtime
      logical(c_bool), value :: of_all
      real(c_double), intent(in), optional :: deadline
      type(fortran_string), intent(out) :: report
      integer(c_int) :: status
    end function
    subroutine fortran_string_release(string) bind(C, name="locum_fortran_string_release")
      import
      type(fortran_string), intent(inout) :: string
    end subroutine
    function fortran_runtime_place(runtime, numbers) bind(C, name="locum_fortran_runtime_place") result(status)
      import
      type(c_ptr), value :: runtime
      integer(c_int), intent(out) :: numbers(4)
      integer(c_int) :: status
    end function
    function fortran_runtime_store(runtime, name, length, connector, connector_length, memory_bytes, lifetime, timeout, checksum, &
      store) bind(C, name="locum_fortran_runtime_store") result(status)
      import
      type(c_ptr), value :: runtime
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: connector(*)
      integer(c_size_t), value :: connector_length
      integer(c_int64_t), intent(in), optional :: memory_bytes
      real(c_double), intent(in), optional :: lifetime, timeout
      logical(c_bool), value :: checksum
      type(c_ptr), intent(inout) :: store
      integer(c_int) :: status
    end function
    function fortran_runtime_files(runtime, url, length, files) bind(C, name="locum_fortran_runtime_files") result(status)
      import
      type(c_ptr), value :: runtime
      character(kind=c_char), intent(in) :: url(*)
      integer(c_size_t), value :: length
      type(c_ptr), intent(inout) :: files
      integer(c_int) :: status
    end function
    function fortran_runtime_drop(runtime, name, length, deadline) bind(C, name="locum_fortran_runtime_drop") result(status)
      import
      type(c_ptr), value :: runtime
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_runtime_flush(runtime, deadline) bind(C, name="locum_fortran_runtime_flush") result(status)
      import
      type(c_ptr), value :: runtime
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_runtime_ranks(runtime, comm, ranks) bind(C, name="locum_fortran_runtime_ranks") result(status)
      import
      type(c_ptr), value :: runtime
      integer(c_int), value :: comm
      type(c_ptr), intent(inout) :: ranks
      integer(c_int) :: status
    end function
    function fortran_checkpoint(runtime, store, length, path, path_length, prefix, prefix_length, keep, compress, incremental, &
      xdmf, deadline, report, future) bind(C, name="locum_fortran_checkpoint") result(status)
      import
      type(c_ptr), value :: runtime
      character(kind=c_char), intent(in) :: store(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: path_length
      character(kind=c_char), intent(in), optional :: prefix(*)
      integer(c_size_t), value :: prefix_length
      integer(c_int), intent(in), optional :: keep, compress
      logical(c_bool), value :: incremental, xdmf
      real(c_double), intent(in), optional :: deadline
      type(locum_checkpoint_report), intent(inout), optional :: report
      type(c_ptr), intent(inout), optional :: future
      integer(c_int) :: status
    end function
    function fortran_future_checkpoint(future, deadline, report) bind(C, name="locum_fortran_future_checkpoint") result(status)
      import
      type(c_ptr), value :: future
      real(c_double), intent(in), optional :: deadline
      type(locum_checkpoint_report), intent(inout), optional :: report
      integer(c_int) :: status
    end function
    function fortran_restore(runtime, latest, store, length, path, path_length, prefix, prefix_length, forget_handles, &
      skip_damaged, lazy, deadline, report) bind(C, name="locum_fortran_restore") result(status)
      import
      type(c_ptr), value :: runtime
      logical(c_bool), value :: latest
      character(kind=c_char), intent(in) :: store(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: path_length
      character(kind=c_char), intent(in), optional :: prefix(*)
      integer(c_size_t), value :: prefix_length
      logical(c_bool), value :: forget_handles, skip_damaged, lazy
      real(c_double), intent(in), optional :: deadline
      type(locum_checkpoint_report), intent(inout), optional :: report
      integer(c_int) :: status
    end function
    function fortran_checkpoint_requested(runtime, deadline, requested) bind(C, name="locum_fortran_checkpoint_requested") &
      result(status)
      import
      type(c_ptr), value :: runtime
      real(c_double), intent(in), optional :: deadline
      logical(c_bool), intent(out) :: requested
      integer(c_int) :: status
    end function
  end interface
end module
