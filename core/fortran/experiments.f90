!> Experiments: calls that do not depend on a type; and text.
submodule (locum) experiments
  use, intrinsic :: iso_c_binding, only: c_char, c_int, c_size_t
  use locum_calls, only: fortran_names, fortran_names_take, optional_length, point_to_text
  implicit none

  interface
    function fortran_experiment_open(id, length, url, url_length, commit, commit_length, outside_bytes, experiment) &
      bind(C, name="locum_fortran_experiment_open") result(status)
      import
      character(kind=c_char), intent(in) :: id(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: url(*)
      integer(c_size_t), value :: url_length
      character(kind=c_char), intent(in), optional :: commit(*)
      integer(c_size_t), value :: commit_length
      integer(c_int64_t), intent(in), optional :: outside_bytes
      type(c_ptr), intent(inout) :: experiment
      integer(c_int) :: status
    end function
    function fortran_experiment_open_in(files, id, length, backend, backend_length, commit, commit_length, outside_bytes, &
      experiment) bind(C, name="locum_fortran_experiment_open_in") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: id(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      character(kind=c_char), intent(in), optional :: commit(*)
      integer(c_size_t), value :: commit_length
      integer(c_int64_t), intent(in), optional :: outside_bytes
      type(c_ptr), intent(inout) :: experiment
      integer(c_int) :: status
    end function
    function fortran_experiment_close(experiment) bind(C, name="locum_fortran_experiment_close") result(status)
      import
      type(c_ptr), intent(inout) :: experiment
      integer(c_int) :: status
    end function
    function fortran_experiment_get_text(experiment, path, length, text, text_length, view) &
      bind(C, name="locum_fortran_experiment_get_text") result(status)
      import
      type(c_ptr), value :: experiment
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      type(c_ptr), intent(out) :: text
      integer(c_size_t), intent(out) :: text_length
      type(fortran_view), intent(inout) :: view
      integer(c_int) :: status
    end function
    function fortran_experiment_erase(experiment, field, length, existed) bind(C, name="locum_fortran_experiment_erase") &
      result(status)
      import
      type(c_ptr), value :: experiment
      character(kind=c_char), intent(in) :: field(*)
      integer(c_size_t), value :: length
      logical(c_bool), intent(out) :: existed
      integer(c_int) :: status
    end function
    function fortran_experiment_fields(experiment, names, longest) bind(C, name="locum_fortran_experiment_fields") result(status)
      import
      type(c_ptr), value :: experiment
      type(fortran_names), intent(out) :: names
      integer(c_size_t), intent(out) :: longest
      integer(c_int) :: status
    end function
    function fortran_experiment_members(experiment, path, length, view, count, longest) &
      bind(C, name="locum_fortran_experiment_members") result(status)
      import
      type(c_ptr), value :: experiment
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      type(fortran_view), intent(inout) :: view
      integer(c_size_t), intent(out) :: count, longest
      integer(c_int) :: status
    end function
    !> Copies the names, each filled with blanks, and releases the view.
    function fortran_members_take(view, longest, into) bind(C, name="locum_fortran_members_take") result(status)
      import
      type(fortran_view), intent(inout) :: view
      integer(c_size_t), value :: longest
      character(kind=c_char), intent(out) :: into(*)
      integer(c_int) :: status
    end function
    function fortran_experiment_set_status(experiment, state, length, reason, reason_length) &
      bind(C, name="locum_fortran_experiment_set_status") result(status)
      import
      type(c_ptr), value :: experiment
      character(kind=c_char), intent(in) :: state(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: reason(*)
      integer(c_size_t), value :: reason_length
      integer(c_int) :: status
    end function
    function fortran_experiment_persist(experiment) bind(C, name="locum_fortran_experiment_persist") result(status)
      import
      type(c_ptr), value :: experiment
      integer(c_int) :: status
    end function
    function fortran_experiment_reload(experiment) bind(C, name="locum_fortran_experiment_reload") result(status)
      import
      type(c_ptr), value :: experiment
      integer(c_int) :: status
    end function
    function fortran_experiment_copy(experiment, id, length, copy) bind(C, name="locum_fortran_experiment_copy") result(status)
      import
      type(c_ptr), value :: experiment
      character(kind=c_char), intent(in) :: id(*)
      integer(c_size_t), value :: length
      type(c_ptr), intent(inout) :: copy
      integer(c_int) :: status
    end function
    function fortran_experiment_remove(experiment, existed) bind(C, name="locum_fortran_experiment_remove") result(status)
      import
      type(c_ptr), value :: experiment
      logical(c_bool), intent(out) :: existed
      integer(c_int) :: status
    end function
  end interface

contains

  module procedure experiment_open
    call finish(fortran_experiment_open(id, len_trim(id, c_size_t), url, optional_length(url), commit, optional_length(commit), &
      outside_bytes, self%handle), stat, errmsg)
  end procedure

  module procedure experiment_open_in
    call finish(fortran_experiment_open_in(files%handle, id, len_trim(id, c_size_t), backend, optional_length(backend), commit, &
      optional_length(commit), outside_bytes, self%handle), stat, errmsg)
  end procedure

  module procedure experiment_close
    call finish(fortran_experiment_close(self%handle), stat, errmsg)
  end procedure

  module procedure experiment_get_text
    type(c_ptr) :: first
    integer(c_size_t) :: length
    call finish(fortran_experiment_get_text(self%handle, path, len_trim(path, c_size_t), first, length, view%object), stat, errmsg)
    call point_to_text(first, length, text)
  end procedure

  module procedure experiment_erase
    logical(c_bool) :: found
    call finish(fortran_experiment_erase(self%handle, field, len_trim(field, c_size_t), found), stat, errmsg)
    if (present(existed)) existed = found
  end procedure

  module procedure experiment_names
    type(fortran_names) :: list
    type(fortran_view) :: view
    integer(c_size_t) :: count, longest
    integer(c_int) :: status
    if (present(path)) then
      status = fortran_experiment_members(self%handle, path, len_trim(path, c_size_t), view, count, longest)
    else
      status = fortran_experiment_fields(self%handle, list, longest)
      count = list%count
    end if
    if (status /= locum_ok) then
      allocate (character(len=0) :: names(0))
    else
      allocate (character(len=longest) :: names(count))
      if (present(path)) then
        status = fortran_members_take(view, longest, names)
      else
        call fortran_names_take(list, longest, names)
      end if
    end if
    call finish(status, stat, errmsg)
  end procedure

  module procedure experiment_set_status
    call finish(fortran_experiment_set_status(self%handle, status, len_trim(status, c_size_t), reason, optional_length(reason)), &
      stat, errmsg)
  end procedure

  module procedure experiment_persist
    call finish(fortran_experiment_persist(self%handle), stat, errmsg)
  end procedure

  module procedure experiment_reload
    call finish(fortran_experiment_reload(self%handle), stat, errmsg)
  end procedure

  module procedure experiment_copy
    call finish(fortran_experiment_copy(self%handle, id, len_trim(id, c_size_t), copy%handle), stat, errmsg)
  end procedure

  module procedure experiment_remove
    logical(c_bool) :: found
    call finish(fortran_experiment_remove(self%handle, found), stat, errmsg)
    if (present(existed)) existed = found
  end procedure

end submodule
