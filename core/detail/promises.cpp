#include "core/detail/promises.hpp"

#include <algorithm>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/base/back_off.hpp"
#include "core/detail/local_waits.hpp"
#include "core/detail/promise_state.hpp"
#include "core/detail/session_state.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/lazy/file_records.hpp"
#include "core/node/promised.hpp"
#include "core/ports/directory.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

Error broken_promise() {
  return Error(
      Errc::broken_promise,
      "the promise ended without a value: its maker destroyed it, or closed its runtime, before setting it");
}

Error broken_promise(std::string_view reason) {
  return Error(Errc::broken_promise, "the promise ended without a value: " + std::string(reason));
}

Error damaged_promise() {
  return memory_damaged("the record of this promise is damaged");
}

}  // namespace

Promises::Promises(SessionState& session, std::shared_ptr<Connector> connector)
    : session_(session),
      connector_(std::move(connector)),
      standing_(std::make_shared<LocalWaits>(connector_)) {}

Promises::~Promises() = default;

bool Promises::enlist(const std::shared_ptr<PromiseState>& promise) {
  const MutexLock lock(mutex_);
  if (makes_promises_) {
    promises_.emplace(promise.get(), promise);
  }
  return makes_promises_;
}

// None is removed while the session closes: waiters still have to see how their promise ended.
void Promises::left_broken(const Key& mark) noexcept {
  {
    const MutexLock lock(mutex_);
    if (!makes_promises_) {
      return;
    }
  }
  marks_.add_broken(*connector_, mark);
}

void Promises::left_kept(const Key& mark, const Key& value) noexcept {
  marks_.add_kept(*connector_, mark, value);
}

void Promises::evicted_some(std::size_t objects) noexcept {
  marks_.evicted(*connector_, objects);
}

void Promises::collect_marks() noexcept {
  marks_.collect(*connector_);
}

void Promises::end_waits(const Error& error) noexcept {
  standing_->close(error);
}

void Promises::strike(const PromiseState& promise) noexcept {
  const MutexLock lock(mutex_);
  promises_.erase(&promise);
}

// Each removes itself from the list when it is broken.
void Promises::break_all(Deadline deadline) noexcept {
  const Deadline until = session_.completions()->moment(deadline);
  for (;;) {
    std::shared_ptr<PromiseState> unset;
    {
      const MutexLock lock(mutex_);
      makes_promises_ = false;
      while (!unset && !promises_.empty()) {
        unset = promises_.begin()->second.lock();
        promises_.erase(promises_.begin());
      }
    }
    if (!unset) {
      return;
    }
    unset->give_up(until);
  }
}

// A key without an object may be a promise's.
Result<ObjectView> Promises::otherwise(const Address& address, const Error& error, Deadline deadline) {
  if (error.code() != Errc::not_found || session_.closed() || !address.name.empty() ||
      !is_promised(address.key)) {
    return session_.missed(address, error);
  }
  const std::string name = connector_->name_of(address.key);
  return redeemed(address.key, connector_->get(Address(address.key.store, name), deadline), deadline);
}

// The object under the name of a promise: its value, or the place of that, or that it is broken.
Result<ObjectView> Promises::redeemed(const Key& promised, Result<ObjectView> found, Deadline deadline) {
  if (!found) {
    return session_.missed(promised, found.error());
  }
  if (!is_promise_record(found->type_hash())) {
    return found;
  }
  if (const auto kept = kept_elsewhere(*found)) {
    return session_.fetch(*kept, deadline);
  }
  if (in_file(*found) || same_as(*found)) {
    return session_.files().load(session_, Address(promised.store, connector_->name_of(promised)), deadline);
  }
  const auto record = read_promise_record(*found);
  return session_.explain(promised,
                          record ? broken_by(*record, promised.store, deadline) : damaged_promise());
}

Error Promises::broken_by(const PromiseRecord& record, std::uint32_t store, Deadline deadline) {
  const Key& reason = record.value;
  if (record.state != PromiseRecord::State::broken || !reason.valid() || is_promised(reason) ||
      reason.store != store) {
    return broken_promise();
  }
  const auto text = connector_->get(Address(reason), deadline);  // which may have expired
  return text && !text->bytes().empty()
             ? broken_promise({reinterpret_cast<const char*>(text->bytes().data()), text->bytes().size()})
             : broken_promise();
}

Result<ObjectView> Promises::await(const Handle& handle, Deadline deadline) {
  if (session_.closed()) {
    return session_.closed_error();
  }
  const std::string name = connector_->name_of(handle.key);
  auto found =
      connector_->wait(Address(handle.key.store, name), deadline, [this] { return !session_.closed(); });
  return !found && session_.closed() ? Result<ObjectView>(session_.closed_error())
                                     : redeemed(handle.key, std::move(found), deadline);
}

// The outcome of the last promise under that name: none if it may still be set, or if that is unknown.
std::optional<Error> Promises::fate_of(const Address& name, Deadline deadline) {
  const std::uint32_t store = name.key.store;
  const auto claim = connector_->get(Address(store, claimed_name(store, name.name)), deadline);
  const auto record = claim ? read_promise_record(*claim) : std::nullopt;
  if (!record || !is_promised(record->value) || record->value.store != store ||
      record->name_hash != name_hash(store, name.name)) {
    return std::nullopt;
  }
  const Key& promised = record->value;
  const std::string at = connector_->name_of(promised);
  auto found =
      connector_->get(Address(store, at), deadline);  // waits as long as it takes to detect a lost node
  if (!found && found.error().code() == Errc::not_found) {
    const auto soon = session_.completions()->now() + look_interval;
    found = connector_->wait(Address(store, at), std::min<Deadline::Clock::time_point>(
                                                     session_.completions()->moment(deadline), soon));
  }
  if (!found) {
    return found.error().code() == Errc::peer_lost ? std::optional(found.error()) : std::nullopt;
  }
  const auto end = read_promise_record(*found);
  return end && end->state == PromiseRecord::State::broken ? std::optional(broken_by(*end, store, deadline))
                                                           : std::nullopt;
}

// The home of a name is not notified that a promise under it is broken, or its maker dead: waiters check at
// intervals, the first time soon. The wait goes on meanwhile, so that an object that is on its way arrives. A
// program that asks in waits that are shorter than that learns it at the end of one, if its node knows.
Result<ObjectView> Promises::await(const Address& name, Deadline deadline, const Wanted& wanted) {
  const auto until = session_.completions()->moment(deadline);
  BackOff back_off(look_interval, session_.options().options.peer_timeout);
  auto next_look = session_.completions()->now() + back_off.next();
  std::optional<Error> fate;
  const auto goes_on = [&] {
    if (session_.completions()->now() >= next_look) {
      fate = fate_of(name, until);
      next_look = session_.completions()->now() + back_off.next();
    }
    return !fate && (!wanted || wanted());
  };
  const auto first_look = next_look;
  auto found = session_.reader().wait(name, until, goes_on);
  if (!found && found.error().code() == Errc::timeout && until < first_look) {
    fate = fate_of(name, until);
  }
  if (fate && !found && found.error().code() == Errc::timeout) {
    found = session_.fetch(name, until);  // somebody may have put it nevertheless
    return found || found.error().code() != Errc::not_found ? std::move(found) : Result<ObjectView>(*fate);
  }
  return found;
}

NowOrTask<ObjectView> Promises::await_or_task(const Address& name, Deadline deadline) {
  if (session_.closed()) {
    return {session_.closed_error()};
  }
  auto made = session_.reader().get_or_task(name, {}, CountsUntil::it_is_got_once_set, deadline);
  if (made.found || made.found.error().code() != Errc::not_found) {
    return made;
  }
  // Of a connector that has nobody to go on with what was begun.
  return standing_->begin(name.key.store, std::string(name.name), CountsUntil::it_is_got_once_set, deadline,
                          session_.completions()->moment(deadline));
}

NowOrTask<ObjectView> Promises::get_or_task(const Key& promised, CountsUntil counts, Deadline deadline) {
  const std::string name = connector_->name_of(promised);
  const Address at(promised.store, name);
  // Of a promise without a maker, whose value may be on any node, nobody tells that it is set: it always is.
  const bool has_maker = (promised.serial & restored_bit) == 0;
  const CountsUntil once_set =
      counts_for_use(counts) ? CountsUntil::it_is_used_once_set : CountsUntil::it_is_got_once_set;
  auto made = connector_->get_or_task(at, {}, has_maker ? once_set : counts, deadline);
  if (!made.found && made.found.error().code() == Errc::not_found) {
    return stand(promised, name, once_set, deadline);
  }
  if (session_.files().has_lazy_stores() && (made.coming || may_be_in_file(made.found))) {
    return session_.files().after(session_, at, Selection(), std::move(made));
  }
  if (!made.found) {
    made.found = session_.missed(promised, made.found.error());
  } else if (const auto kept = *made.found ? kept_elsewhere(*made.found) : std::nullopt) {
    made = connector_->get_or_task(*kept, {}, counts, deadline);
  } else if (*made.found) {
    made.found = redeemed(promised, std::move(made.found), {});
  }
  return made;
}

// For a connector without background progress, which knows all promises of this node.
NowOrTask<ObjectView> Promises::stand(const Key& promised, const std::string& name, CountsUntil counts,
                                      Deadline deadline) {
  const Address at(promised.store, name);
  auto made =
      standing_->begin(promised.store, name, counts, deadline, session_.completions()->moment(deadline));
  if (made.coming) {
    return made;
  }
  return session_.files().has_lazy_stores() && may_be_in_file(made.found)
             ? session_.files().after(session_, at, Selection(), std::move(made))
             : NowOrTask<ObjectView>{redeemed(promised, std::move(made.found), {})};
}

// What was restored lazily is there before it is read: as the record that stands for it.
Result<Address> Promises::actual(const Key& key, Deadline deadline, bool reads_files) {
  if (!is_promised(key)) {
    return Address(key);
  }
  const std::string name = connector_->name_of(key);
  const Address promised(key.store, name);
  const auto found = connector_->get_some(promised, Facts(), deadline);
  if (!found) {
    return session_.missed(key, found.error());
  }
  if (!is_promise_record(found->type_hash())) {
    return Address(found->key());
  }
  const auto whole = connector_->get(promised, deadline);  // the record is in its bytes
  if (whole && !is_promise_record(whole->type_hash())) {
    return Address(whole->key());  // read out of a file meanwhile
  }
  if (whole && (in_file(*whole) || same_as(*whole))) {
    if (reads_files) {
      const auto read = session_.files().load(session_, promised, deadline);
      return read ? Result<Address>(read->key()) : read.error();
    }
    return stand_in_of(key, *whole, deadline);
  }
  const auto kept = whole ? kept_elsewhere(*whole) : std::nullopt;
  if (kept) {
    return *kept;
  }
  const auto record = whole ? read_promise_record(*whole) : std::nullopt;
  return session_.explain(key, record  ? broken_by(*record, key.store, deadline)
                               : whole ? broken_promise()
                                       : whole.error());
}

// The record by which a restored object that nobody has read is there: that under its name, if it has one.
// Parts of other files are not there before they are read.
Result<Address> Promises::stand_in_of(const Key& promised, const ObjectView& record, Deadline deadline) {
  if (const auto other = same_as(record)) {
    const auto at = connector_->get(Address(other->store, connector_->name_of(*other)), deadline);
    if (!at || same_as(*at)) {
      return session_.missed(promised, at ? no_such_object() : at.error());
    }
    const auto kept = kept_elsewhere(*at);
    return kept           ? Result<Address>(*kept)
           : in_file(*at) ? stand_in_of(*other, *at, deadline)
                          : Result<Address>(at->key());
  }
  const auto part = file_part_in(record);
  if (!part || part->of_checkpoint == 0) {
    return part ? session_.missed(promised, no_such_object()) : session_.explain(promised, part.error());
  }
  if (part->name.empty()) {
    return Address(record.key());
  }
  const auto named = connector_->get(Address(promised.store, part->name), deadline);
  if (!named || same_as(*named) != promised) {
    return session_.missed(promised, named ? no_such_object() : named.error());
  }
  return Address(named->key());
}

}  // namespace locum::detail
