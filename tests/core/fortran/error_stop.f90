!> usage: error_stop HOW    Makes one mistake without `stat`, which ends the program.
program error_stop
  use locum
  implicit none
  type(locum_store) :: store
  type(locum_view) :: view, other
  integer, pointer :: p
  character(len=40) :: how
  call get_command_argument(1, how)
  if (how == 'unopened') call store%put('x', 1)
  call store%open('memory:')
  if (how == 'missing') call store%get('nothing of that name', p, view)
  call store%put('x', 1)
  call store%get('x', p, view)
  if (how == 'copied') other = view
  print '(a)', 'goes on'
  call view%release()
  if (other%is_held()) call other%release()
end program
