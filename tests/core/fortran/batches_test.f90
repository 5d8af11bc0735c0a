!> Calls for several objects.
program batches_test
  use, intrinsic :: iso_fortran_env, only: int32, real32, real64
  use check
  use locum
  implicit none
  type(locum_store) :: store, never
  integer, parameter :: many = 300
  character(len=8) :: names(many), few(3) = ['a       ', 'bb      ', 'ccc     ']
  integer :: stats(3), every_second(6), stat, at, x, y
  logical :: existed(3)
  type(locum_key) :: keys(3)
  type(locum_view) :: views(3), all_views(many)
  real(real64) :: fields(4, 3, 3), wide(8, 3, 6), numbers(many)
  real(real64), pointer :: field(:, :), one
  integer(int32), pointer :: wrong
  character(len=5) :: lines(2, 3)
  character(len=5), parameter :: back(3) = ['one  ', 'two  ', 'three']
  character(len=5) :: line(2)
  character(len=:), pointer :: text
  character(len=200) :: message
  character(len=8), allocatable :: unallocated(:)
  real(real64), allocatable :: no_values(:)

  call store%open('memory:')
  fields = reshape([(at, at=1, 36)], shape(fields)) * 1.0_real64
  call store%put_batch(few, fields, keys, stats)
  call is_true(all(stats == locum_ok), 'each is put')
  call store%get_batch(few, views, stats)
  do at = 1, 3
    call views(at)%get(field)
    call is_true(all(shape(field) == [4, 3]) .and. all(field == fields(:, :, at)), 'an object of a batch')
    call is_true(views(at)%key() == keys(at), 'its key')
    call views(at)%release()
  end do
  call is_true(store%size() == 3, 'as many names')

  ! Sections: of the values in all dimensions, of names, of results.
  call store%clear()
  wide = -1
  wide(1:7:2, :, 6:2:-2) = fields
  every_second = 99
  call store%put_batch(few(3:1:-1), wide(1:7:2, :, 6:2:-2), stats=every_second(1:6:2))
  call is_true(all(every_second == [0, 99, 0, 99, 0, 99]), 'statuses in a section')
  call store%get_batch(few(1:3:2), views(3:1:-2))
  call views(3)%get(field)
  call is_true(all(field == fields(:, :, 3)), 'the last one is under the first name')
  call views(1)%get(field)
  call is_true(all(field == fields(:, :, 1)), 'and the first one under the last')
  call is_true(.not. views(2)%is_held(), 'the view between is empty')
  call views(3)%release()
  call views(1)%release()

  ! Scalars, text, empty arrays, nothing at all.
  call store%clear()
  do at = 1, many
    write (names(at), '(a,i0)') 'n', at
    numbers(at) = at
  end do
  call store%put_batch(names, numbers)
  call store%get_batch(names(many:1:-1), all_views)
  do at = 1, many
    call all_views(at)%get(one)
    call is_true(one == many + 1 - at, 'one of many')
    call all_views(at)%release()
  end do
  call store%clear()
  call store%put_batch(few, back)
  call store%get_batch(few(2:3), views(:2))
  call views(1)%get(text)
  call is_true(text == 'two' .and. len(text) == 5, 'text of a batch')
  call views(2)%get(text)
  call is_true(text == 'three', 'more of it')
  call views(1)%release()
  call views(2)%release()
  lines = reshape(['11', '21', '12', '22', '13', '23'], [2, 3])
  call store%clear()
  call store%put_batch(few, lines)
  call store%read('bb', line)
  call is_true(all(line == ['12', '22']), 'arrays of text')
  call store%clear()
  call store%put_batch(few, fields(:, 1:0, :))
  call store%get_batch(few, views)
  call views(3)%get(field)
  call is_true(associated(field) .and. all(shape(field) == [4, 0]), 'empty arrays')
  do at = 1, 3
    call views(at)%release()
  end do
  call store%clear()
  call store%put_batch(few(1:0), fields(:, :, 1:0), keys(1:0), stats(1:0), stat=stat)
  call has_status(stat, locum_ok, 'a batch of nothing')
  call store%get_batch(few(1:0), views(1:0), stat=stat)
  call has_status(stat, locum_ok, 'a batch of no names')

  ! Errors of one object: of the others nothing is lost.
  call store%put('bb', 1_int32)
  call store%put_batch(few, fields, keys, stats)  ! without `stat`: `stats` has it
  call is_true(all(stats == [locum_ok, locum_key_exists, locum_ok]), 'one name is in use')
  call is_true(keys(2) == locum_key() .and. keys(1) /= locum_key(), 'it has no key')
  call store%put_batch(few, fields, stat=stat, errmsg=message)
  call has_status(stat, locum_key_exists, 'the first error is that of the batch')
  call is_true(index(message, 'key_exists') == 1, 'its text')
  call store%evict('a')
  call store%get_batch(few, views, stats)
  call is_true(all(stats == [locum_not_found, locum_ok, locum_ok]), 'one is missing')
  call is_true(.not. views(1)%is_held() .and. views(2)%is_held(), 'its view holds nothing')
  call views(1)%get(field, stat)
  call has_status(stat, locum_invalid_argument, 'get of a view that holds nothing')
  call views(2)%get(field, stat)
  call has_status(stat, locum_type_mismatch, 'get of a view by another type')
  call is_true(.not. associated(field) .and. views(2)%is_held(), 'the view still holds its object')
  call views(2)%get(text, stat)
  call has_status(stat, locum_type_mismatch, 'get of a view as text')
  call views(2)%get(wrong)
  call is_true(wrong == 1, 'get of a view by its own type')
  call store%get_batch(few, views, stat=stat)
  call has_status(stat, locum_invalid_argument, 'views that hold objects')
  call is_true(wrong == 1, 'they still do')
  call views(2)%release()
  call views(3)%release()

  ! Evictions.
  call store%evict_batch(few, existed, stats)
  call is_true(all(existed .eqv. [.false., .true., .true.]) .and. all(stats == locum_ok), 'which of them were there')
  call is_true(store%size() == 0, 'none is left')
  call store%put_batch(few, fields)
  call store%evict_batch(few(1:3:2))
  call is_true(store%size() == 1 .and. store%exists('bb'), 'the one between is left')
  call store%evict_batch(few, existed(:2), stat=stat)
  call has_status(stat, locum_invalid_argument, 'fewer answers than names')
  call store%evict_batch(['bb', '  '], existed(:2), stats(:2))
  call is_true(all(stats(:2) == [locum_ok, locum_invalid_argument]), 'one name is of blanks')
  call is_true(existed(1) .and. .not. existed(2), 'the other one was there')
  call store%evict_batch(few(1:0), existed(1:0), stats(1:0))
  call never%evict_batch(few, existed, stat=stat)
  call has_status(stat, locum_invalid_argument, 'evictions in a store that was never opened')
  call is_true(.not. any(existed), 'nothing was there')

  ! What is no batch.
  call store%put_batch(few, fields(:, :, :2), stat=stat)
  call has_status(stat, locum_invalid_argument, 'fewer values than names')
  call store%put_batch(few, 1.0_real64, stat=stat)
  call has_status(stat, locum_invalid_argument, 'values that are a scalar')
  call store%put_batch(few, fields, keys(:2), stat=stat)
  call has_status(stat, locum_invalid_argument, 'fewer keys than names')
  call store%put_batch(few, fields, stats=stats(:2), stat=stat)
  call has_status(stat, locum_invalid_argument, 'fewer statuses than names')
  call store%get_batch(few, views(:2), stat=stat)
  call has_status(stat, locum_invalid_argument, 'fewer views than names')
  call is_true(index(locum_error_message(), "'views' has 2 elements") > 0, 'the text counts them')
  call store%put_batch(['x ', '  '], [1, 2], stats=stats(:2), stat=stat)
  call has_status(stat, locum_invalid_argument, 'a name of blanks')
  call store%put_batch(['x' // char(0)], [1], stat=stat)
  call has_status(stat, locum_invalid_argument, 'a name with char(0)')
  call store%evict_batch([character(1) ::])  ! which gfortran gives no address
  call store%put_batch([character(1) ::], [integer ::])
  call store%put_batch(unallocated, fields, stat=stat)
  call has_status(stat, locum_invalid_argument, 'names that are not allocated')
  call store%get_batch(unallocated, views, stat=stat)
  call has_status(stat, locum_invalid_argument, 'names of views that are not allocated')
  call store%evict_batch(unallocated, stat=stat)
  call has_status(stat, locum_invalid_argument, 'names to be evicted that are not allocated')
  call is_true(index(locum_error_message(), 'not allocated') > 0, 'the text says so')
  call store%put_batch(few, no_values, stat=stat)
  call has_status(stat, locum_invalid_argument, 'values that are not allocated')
  call never%put_batch(few, fields, stats=stats)
  call is_true(all(stats == locum_invalid_argument), 'a store that was never opened')
  call store%put_batch(['x'], reshape([(at, at=1, 1)], [1, 1, 1, 1, 1, 1, 1, 1, 1]), stat=stat)
  call has_status(stat, locum_invalid_argument, 'values of rank 9')
  call store%put_batch(['8'], reshape([((10 * y + x, x=1, 2), y=1, 1)], [2, 1, 1, 1, 1, 1, 1, 1]))
  call is_true(store%exists('8'), 'values of rank 8')
  call store%clear()
  call store%close()
  call finish_checks(340)
end program
