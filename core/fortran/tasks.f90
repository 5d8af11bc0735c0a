!> Queues of tasks.
submodule (locum) tasks
  use, intrinsic :: iso_c_binding, only: c_char, c_int, c_size_t
  use locum_calls, only: point_to_text
  implicit none

  interface
    function fortran_queue_open(store, name, length, queue) bind(C, name="locum_fortran_queue_open") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      type(c_ptr), intent(inout) :: queue
      integer(c_int) :: status
    end function
    function fortran_queue_take_text(queue, deadline, task, text, text_length, view) bind(C, name="locum_fortran_queue_take_text") &
      result(status)
      import
      type(c_ptr), value :: queue
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(inout) :: task
      type(c_ptr), intent(out) :: text
      integer(c_size_t), intent(out) :: text_length
      type(fortran_view), intent(inout) :: view
      integer(c_int) :: status
    end function
    function fortran_queue_close(queue) bind(C, name="locum_fortran_queue_close") result(status)
      import
      type(c_ptr), value :: queue
      integer(c_int) :: status
    end function
    function fortran_queue_release(queue) bind(C, name="locum_fortran_queue_release") result(status)
      import
      type(c_ptr), intent(inout) :: queue
      integer(c_int) :: status
    end function
    function fortran_task_done(task, deadline) bind(C, name="locum_fortran_task_done") result(status)
      import
      type(c_ptr), intent(inout) :: task
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_task_release(task) bind(C, name="locum_fortran_task_release") result(status)
      import
      type(c_ptr), intent(inout) :: task
      integer(c_int) :: status
    end function
  end interface

contains

  module procedure queue_open
    call finish(fortran_queue_open(store%handle, name, len_trim(name, c_size_t), self%handle), stat, errmsg)
  end procedure

  module procedure queue_take_text
    type(c_ptr) :: first
    integer(c_size_t) :: length
    call finish(fortran_queue_take_text(self%handle, deadline, task%handle, first, length, view%object), stat, errmsg)
    call point_to_text(first, length, text)
  end procedure

  module procedure queue_close
    call finish(fortran_queue_close(self%handle), stat, errmsg)
  end procedure

  module procedure queue_release
    call finish(fortran_queue_release(self%handle), stat, errmsg)
  end procedure

  module procedure task_done
    call finish(fortran_task_done(self%handle, deadline), stat, errmsg)
  end procedure

  module procedure task_release
    call finish(fortran_task_release(self%handle), stat, errmsg)
  end procedure

end submodule
