!> The functions in C++, which stand on those of locum.h. Optional arguments that are absent are null there.
module locum_calls
  use, intrinsic :: iso_c_binding
  implicit none
  public

  !> Identity of one object; never reused. May be sent as 16 bytes.
  type, bind(C) :: locum_key
    integer(c_int32_t) :: store = 0
    integer(c_int32_t) :: creator = 0  !< rank that made the object
    integer(c_int64_t) :: serial = 0   !< 0: no object
  end type

  !> What a stand-in is on other ranks: 64 bytes to be sent, stored, compared. Received ones are not trusted.
  type, bind(C) :: locum_handle
    integer(c_int64_t) :: words(8) = 0
  end type

  !> Whether it holds an object, and a locum_view of locum.h: reading.cpp knows its layout.
  type, bind(C) :: fortran_view
    integer(c_int64_t) :: words(32) = 0
  end type

  !> Whether it holds an object, and a locum_writer of locum.h.
  type, bind(C) :: fortran_writer
    integer(c_intptr_t) :: place = 0
    type(c_ptr) :: handle = c_null_ptr
  end type

  !> Metadata in memory of the library, until they are released.
  type, bind(C) :: fortran_info
    type(locum_key) :: key
    integer(c_int64_t) :: size_bytes = 0
    integer(c_int64_t) :: generation = 0
    real(c_double) :: expires = 0
    integer(c_int64_t) :: shape(8) = 0
    integer(c_int32_t) :: rank = 0
    integer(c_int32_t) :: type = 0
    integer(c_int32_t) :: owner = 0
    type(c_ptr) :: name = c_null_ptr
    integer(c_size_t) :: name_length = 0
    type(c_ptr) :: type_name = c_null_ptr
    integer(c_size_t) :: type_name_length = 0
    type(c_ptr) :: codec = c_null_ptr
    integer(c_size_t) :: codec_length = 0
    type(c_ptr) :: library = c_null_ptr
  end type

  !> A list of names in memory of the library, until it is released.
  type, bind(C) :: fortran_names
    integer(c_size_t) :: count = 0
    type(c_ptr) :: names = c_null_ptr
    type(c_ptr) :: library = c_null_ptr
  end type

  !> Whether it is under way, and what updates.cpp keeps of it.
  type, bind(C) :: fortran_update
    integer(c_intptr_t) :: place = 0
    type(c_ptr) :: memory = c_null_ptr
    integer(c_int64_t) :: generation = 0
    real(c_double) :: ends = 0
  end type

  interface
    !> Return the lengths of texts, and copy them, cut or filled with blanks. No function here has a result of deferred length, as users
    !> would write: gfortran 12 keeps the length of such a result in one place for all threads.
    pure function fortran_error_length() bind(C, name="locum_fortran_error_length") result(length)
      import
      integer(c_int) :: length
    end function
    subroutine fortran_error(text, length) bind(C, name="locum_fortran_error")
      import
      character(kind=c_char), intent(inout) :: text(*)
      integer(c_size_t), value :: length
    end subroutine
    pure function fortran_status_name_length(status) bind(C, name="locum_fortran_status_name_length") result(length)
      import
      integer(c_int), value :: status
      integer(c_int) :: length
    end function
    subroutine fortran_status_name(status, text, length) bind(C, name="locum_fortran_status_name")
      import
      integer(c_int), value :: status
      character(kind=c_char), intent(inout) :: text(*)
      integer(c_size_t), value :: length
    end subroutine
    pure function fortran_version_length() bind(C, name="locum_fortran_version_length") result(length)
      import
      integer(c_int) :: length
    end function
    subroutine fortran_version(text, length) bind(C, name="locum_fortran_version")
      import
      character(kind=c_char), intent(inout) :: text(*)
      integer(c_size_t), value :: length
    end subroutine
    subroutine fortran_copy(first, first_length, text, length) bind(C, name="locum_fortran_copy")
      import
      type(c_ptr), value :: first
      integer(c_size_t), value :: first_length
      character(kind=c_char), intent(inout) :: text(*)
      integer(c_size_t), value :: length
    end subroutine

    function fortran_session_open(url, length, timeout, threads, session) bind(C, name="locum_fortran_session_open") result(status)
      import
      character(kind=c_char), intent(in) :: url(*)
      integer(c_size_t), value :: length
      real(c_double), intent(in), optional :: timeout
      integer(c_int), intent(in), optional :: threads
      type(c_ptr), intent(inout) :: session
      integer(c_int) :: status
    end function
    function fortran_session_store(session, name, length, store) bind(C, name="locum_fortran_session_store") result(status)
      import
      type(c_ptr), value :: session
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      type(c_ptr), intent(inout) :: store
      integer(c_int) :: status
    end function
    function fortran_session_close(session) bind(C, name="locum_fortran_session_close") result(status)
      import
      type(c_ptr), intent(inout) :: session
      integer(c_int) :: status
    end function
    function fortran_open(url, length, timeout, threads, store) bind(C, name="locum_fortran_open") result(status)
      import
      character(kind=c_char), intent(in) :: url(*)
      integer(c_size_t), value :: length
      real(c_double), intent(in), optional :: timeout
      integer(c_int), intent(in), optional :: threads
      type(c_ptr), intent(inout) :: store
      integer(c_int) :: status
    end function
    function fortran_collection(store, name, length, collection) bind(C, name="locum_fortran_collection") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      type(c_ptr), intent(inout) :: collection
      integer(c_int) :: status
    end function
    function fortran_close(store) bind(C, name="locum_fortran_close") result(status)
      import
      type(c_ptr), intent(inout) :: store
      integer(c_int) :: status
    end function

    function fortran_put(store, replaces, name, length, value, lifetime, tag, tag_length, wait_for_room, listed, generation, &
      deadline, key) bind(C, name="locum_fortran_put") result(status)
      import
      type(c_ptr), value :: store
      logical(c_bool), value :: replaces
      character(kind=c_char), intent(in), optional :: name(*)
      integer(c_size_t), value :: length
      type(*), intent(in) :: value(..)
      real(c_double), intent(in), optional :: lifetime
      character(kind=c_char), intent(in), optional :: tag(*)
      integer(c_size_t), value :: tag_length
      logical(c_bool), value :: wait_for_room
      logical(c_bool), value :: listed
      integer(c_int64_t), intent(in), optional :: generation
      real(c_double), intent(in), optional :: deadline
      type(locum_key), intent(out), optional :: key
      integer(c_int) :: status
    end function
    function fortran_seal(writer, deadline, key) bind(C, name="locum_fortran_seal") result(status)
      import
      type(fortran_writer), intent(inout) :: writer
      real(c_double), intent(in), optional :: deadline
      type(locum_key), intent(out), optional :: key
      integer(c_int) :: status
    end function
    function fortran_writer_replace(writer, generation, deadline, key) bind(C, name="locum_fortran_writer_replace") result(status)
      import
      type(fortran_writer), intent(inout) :: writer
      integer(c_int64_t), intent(in), optional :: generation
      real(c_double), intent(in), optional :: deadline
      type(locum_key), intent(out), optional :: key
      integer(c_int) :: status
    end function
    function fortran_discard(writer) bind(C, name="locum_fortran_discard") result(status)
      import
      type(fortran_writer), intent(inout) :: writer
      integer(c_int) :: status
    end function
    function fortran_writes(writer) bind(C, name="locum_fortran_writes") result(writes)
      import
      type(fortran_writer), intent(in) :: writer
      logical(c_bool) :: writes
    end function
    function fortran_fetch_add(store, name, length, difference, deadline, previous) bind(C, name="locum_fortran_fetch_add") &
      result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      integer(c_int64_t), value :: difference
      real(c_double), intent(in), optional :: deadline
      integer(c_int64_t), intent(out), optional :: previous
      integer(c_int) :: status
    end function

    !> Returns the error of a pointer whose rank is none, of which no descriptor can be made.
    pure function fortran_check_rank(rank) bind(C, name="locum_fortran_check_rank") result(status)
      import
      integer(c_int), value :: rank
      integer(c_int) :: status
    end function
    function fortran_get_text(store, waits, name, length, key, deadline, text, text_length, view) &
      bind(C, name="locum_fortran_get_text") result(status)
      import
      type(c_ptr), value :: store
      logical(c_bool), value :: waits
      character(kind=c_char), intent(in), optional :: name(*)
      integer(c_size_t), value :: length
      type(locum_key), intent(in), optional :: key
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(out) :: text
      integer(c_size_t), intent(out) :: text_length
      type(fortran_view), intent(inout) :: view
      integer(c_int) :: status
    end function
    function fortran_release(view) bind(C, name="locum_fortran_release") result(status)
      import
      type(fortran_view), intent(inout) :: view
      integer(c_int) :: status
    end function
    function fortran_is_held(view) bind(C, name="locum_fortran_is_held") result(held)
      import
      type(fortran_view), intent(in) :: view
      logical(c_bool) :: held
    end function
    subroutine fortran_view_key(view, key) bind(C, name="locum_fortran_view_key")
      import
      type(fortran_view), intent(in) :: view
      type(locum_key), intent(out) :: key
    end subroutine

    function fortran_exists(store, name, length, key, deadline, exists) bind(C, name="locum_fortran_exists") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in), optional :: name(*)
      integer(c_size_t), value :: length
      type(locum_key), intent(in), optional :: key
      real(c_double), intent(in), optional :: deadline
      logical(c_bool), intent(out) :: exists
      integer(c_int) :: status
    end function
    function fortran_evict(store, name, length, key, deadline, existed) bind(C, name="locum_fortran_evict") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in), optional :: name(*)
      integer(c_size_t), value :: length
      type(locum_key), intent(in), optional :: key
      real(c_double), intent(in), optional :: deadline
      logical(c_bool), intent(out) :: existed
      integer(c_int) :: status
    end function
    function fortran_info_get(store, name, length, key, deadline, info) bind(C, name="locum_fortran_info") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in), optional :: name(*)
      integer(c_size_t), value :: length
      type(locum_key), intent(in), optional :: key
      real(c_double), intent(in), optional :: deadline
      type(fortran_info), intent(out) :: info
      integer(c_int) :: status
    end function
    subroutine fortran_info_release(info) bind(C, name="locum_fortran_info_release")
      import
      type(fortran_info), intent(inout) :: info
    end subroutine
    function fortran_keys(store, prefix, length, deadline, names, longest) bind(C, name="locum_fortran_keys") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in), optional :: prefix(*)
      integer(c_size_t), value :: length
      real(c_double), intent(in), optional :: deadline
      type(fortran_names), intent(out) :: names
      integer(c_size_t), intent(out) :: longest
      integer(c_int) :: status
    end function
    !> Copies the names, each filled with blanks, and releases them.
    subroutine fortran_names_take(names, longest, into) bind(C, name="locum_fortran_names_take")
      import
      type(fortran_names), intent(inout) :: names
      integer(c_size_t), value :: longest
      character(kind=c_char), intent(out) :: into(*)
    end subroutine
    function fortran_size(store, deadline, count) bind(C, name="locum_fortran_size") result(status)
      import
      type(c_ptr), value :: store
      real(c_double), intent(in), optional :: deadline
      integer(c_int64_t), intent(out) :: count
      integer(c_int) :: status
    end function
    function fortran_clear(store, deadline, evicted) bind(C, name="locum_fortran_clear") result(status)
      import
      type(c_ptr), value :: store
      real(c_double), intent(in), optional :: deadline
      integer(c_int64_t), intent(out) :: evicted
      integer(c_int) :: status
    end function

    function fortran_ranks_release(ranks) bind(C, name="locum_fortran_ranks_release") result(status)
      import
      type(c_ptr), intent(inout) :: ranks
      integer(c_int) :: status
    end function
    function fortran_step_writer_open(ranks, stream, length, queue_steps, queue_bytes, when_full, readers, file, file_length, &
      writer) bind(C, name="locum_fortran_step_writer_open") result(status)
      import
      type(c_ptr), value :: ranks
      character(kind=c_char), intent(in) :: stream(*)
      integer(c_size_t), value :: length
      integer(c_int), intent(in), optional :: queue_steps
      integer(c_int64_t), intent(in), optional :: queue_bytes
      integer(c_int), intent(in), optional :: when_full, readers
      character(kind=c_char), intent(in), optional :: file(*)
      integer(c_size_t), value :: file_length
      type(c_ptr), intent(inout) :: writer
      integer(c_int) :: status
    end function
    function fortran_step_begin(writer, deadline, step) bind(C, name="locum_fortran_step_begin") result(status)
      import
      type(c_ptr), value :: writer
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(inout) :: step
      integer(c_int) :: status
    end function
    function fortran_step_writer_close(writer, deadline) bind(C, name="locum_fortran_step_writer_close") result(status)
      import
      type(c_ptr), intent(inout) :: writer
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_step_writer_abandon(writer) bind(C, name="locum_fortran_step_writer_abandon") result(status)
      import
      type(c_ptr), intent(inout) :: writer
      integer(c_int) :: status
    end function
    function fortran_step_put(step, name, length, value, shape, start, deadline) bind(C, name="locum_fortran_step_put") &
      result(status)
      import
      type(c_ptr), value :: step
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      type(*), intent(in) :: value(..)
      type(*), intent(in), optional :: shape(..), start(..)
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_step_refused(step, name, length, refusal) bind(C, name="locum_fortran_step_refused") result(status)
      import
      type(c_ptr), value :: step
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      integer(c_int), value :: refusal
      integer(c_int) :: status
    end function
    function fortran_step_end(step, deadline) bind(C, name="locum_fortran_step_end") result(status)
      import
      type(c_ptr), intent(inout) :: step
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_step_discard(step) bind(C, name="locum_fortran_step_discard") result(status)
      import
      type(c_ptr), intent(inout) :: step
      integer(c_int) :: status
    end function
    function fortran_step_reader_open(ranks, stream, length, start_at, ahead, group, group_length, file, file_length, &
      first_step, every, reader) bind(C, name="locum_fortran_step_reader_open") result(status)
      import
      type(c_ptr), value :: ranks
      character(kind=c_char), intent(in) :: stream(*)
      integer(c_size_t), value :: length
      integer(c_int), intent(in), optional :: start_at, ahead
      character(kind=c_char), intent(in), optional :: group(*)
      integer(c_size_t), value :: group_length
      character(kind=c_char), intent(in), optional :: file(*)
      integer(c_size_t), value :: file_length
      integer(c_int64_t), intent(in), optional :: first_step, every
      type(c_ptr), intent(inout) :: reader
      integer(c_int) :: status
    end function
    function fortran_step_next(reader, newest, deadline, step) bind(C, name="locum_fortran_step_next") result(status)
      import
      type(c_ptr), value :: reader
      logical(c_bool), value :: newest
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(inout) :: step
      integer(c_int) :: status
    end function
    function fortran_step_reader_close(reader) bind(C, name="locum_fortran_step_reader_close") result(status)
      import
      type(c_ptr), intent(inout) :: reader
      integer(c_int) :: status
    end function
    function fortran_step_number(step, number) bind(C, name="locum_fortran_step_number") result(status)
      import
      type(c_ptr), value :: step
      integer(c_int64_t), intent(out) :: number
      integer(c_int) :: status
    end function
    function fortran_step_variables(step, count, longest, into) bind(C, name="locum_fortran_step_variables") result(status)
      import
      type(c_ptr), value :: step
      integer(c_int64_t), intent(out) :: count
      integer(c_size_t), intent(out) :: longest
      character(kind=c_char), intent(inout), optional :: into(*)
      integer(c_int) :: status
    end function
    function fortran_step_shape(step, name, length, rank, extents) bind(C, name="locum_fortran_step_shape") result(status)
      import
      type(c_ptr), value :: step
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      integer(c_int), intent(out) :: rank
      integer(c_int64_t), intent(out) :: extents(*)
      integer(c_int) :: status
    end function
    function fortran_step_get_text(step, name, length, writer, deadline, text, text_length, view) &
      bind(C, name="locum_fortran_step_get_text") result(status)
      import
      type(c_ptr), value :: step
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      integer(c_int), intent(in), optional :: writer
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(out) :: text
      integer(c_size_t), intent(out) :: text_length
      type(fortran_view), intent(inout) :: view
      integer(c_int) :: status
    end function
    function fortran_step_release(step) bind(C, name="locum_fortran_step_release") result(status)
      import
      type(c_ptr), intent(inout) :: step
      integer(c_int) :: status
    end function
  end interface

contains

  !> Returns .false. if it is absent.
  pure function optional_bool(given) result(value)
    logical, intent(in), optional :: given
    logical(c_bool) :: value
    value = .false.
    if (present(given)) value = logical(given, c_bool)
  end function

  !> Returns the length without trailing blanks; 0 if it is absent.
  pure function optional_length(text) result(length)
    character(len=*), intent(in), optional :: text
    integer(c_size_t) :: length
    length = 0
    if (present(text)) length = len_trim(text, c_size_t)
  end function

  !> Makes a copy of a text of the library.
  subroutine take_text(first, length, text)
    type(c_ptr), intent(in) :: first
    integer(c_size_t), intent(in) :: length
    character(len=:), allocatable, intent(out) :: text
    allocate (character(len=length) :: text)
    call fortran_copy(first, length, text, length)
  end subroutine

  !> Associates `text` with characters at an address; with nothing, if that is null.
  subroutine point_to_text(first, length, text)
    type(c_ptr), intent(in) :: first
    integer(c_size_t), intent(in) :: length
    character(len=:), pointer, intent(out) :: text
    character(len=length), pointer :: characters
    nullify (text)
    if (.not. c_associated(first)) return
    call c_f_pointer(first, characters)
    text => characters
  end subroutine
end module
