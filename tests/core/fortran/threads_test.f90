!> Threads that share a store: each gets its own errors, objects and metadata, and no update is lost.
program threads_test
  use, intrinsic :: iso_fortran_env, only: real64
  use check
  use locum
  implicit none
  integer, parameter :: times = 4000
  type(locum_store) :: store
  integer :: thread, wrong(8), total

  call store%open('memory:')
  call store%put('T', [1.0_real64, 2.0_real64, 3.0_real64])
  call store%put('counter', 0)
  wrong = 0
  !$omp parallel do num_threads(4) schedule(dynamic, 1)
  do thread = 1, size(wrong)
    call work(thread, wrong(thread))
  end do
  call is_true(sum(wrong) == 0, 'every result is that of its thread')
  if (sum(wrong) > 0) print '(a,8i6)', 'wrong: ', wrong
  call store%read('counter', total)
  call is_true(total == size(wrong) * times / 20, 'no update is lost')
  call is_true(store%size() == 2, 'two objects are left')
  call store%close()
  call finish_checks(3)

contains

  subroutine work(thread, wrong)
    integer, intent(in) :: thread
    integer, intent(inout) :: wrong
    type(locum_view) :: view
    type(locum_info) :: info
    type(locum_writer) :: writer
    type(locum_update) :: update
    real(real64), pointer, contiguous :: p(:), made(:)
    integer, pointer :: counter
    character(len=20) :: name
    character(len=200) :: text
    integer :: time, stat
    logical :: existed
    write (name, '(a,i0)') 'missing', thread
    do time = 1, times
      call store%get('T', p, view)
      call count_wrong(p(3) == 3, wrong)
      call view%release()
      call store%get(name, p, view, stat=stat, errmsg=text)
      call count_wrong(stat == locum_not_found .and. index(text, trim(name)) > 0, wrong)
      call count_wrong(locum_error_message() == text, wrong)
      call store%read('T', text, stat=stat)
      call count_wrong(stat == locum_type_mismatch, wrong)
      call store%info('T', info)
      call count_wrong(info%name == 'T' .and. info%type_name == 'f64[]' .and. all(info%shape == [3]), wrong)
      call store%create('made' // name, made, [4], writer)
      made = time
      call writer%seal()
      call store%evict('made' // name, existed)
      call count_wrong(existed, wrong)
      if (mod(time, 20) > 0) cycle
      do while (store%update('counter', counter, update))
        counter = counter + 1
      end do
    end do
  end subroutine

  subroutine count_wrong(right, wrong)
    logical, intent(in) :: right
    integer, intent(inout) :: wrong
    if (.not. right) wrong = wrong + 1
  end subroutine
end program
