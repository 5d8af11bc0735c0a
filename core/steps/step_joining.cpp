// Of StepInput: how the ranks of a reader join a stream, and leave it.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/steps/step_input.hpp"

namespace locum::detail {

// The count may be one too low. Behind the last step is the record of the stream's end, which is none.
Result<std::uint64_t> StepInput::first_step(Moment until) const {
  const auto progress = stream_->progress(until);
  if (!progress) {
    return progress.error();
  }
  const auto uncounted =
      stream_->store().get<StepRecord>(stream_->step(progress->count), {.codec = {}, .deadline = until});
  const bool is_step = uncounted && (*uncounted)->state == StepRecord::State::ready;
  std::uint64_t first = progress->count + (is_step ? 1 : 0);
  if (options_.start_at == StartAt::next) {
    return first;
  }
  while (first > 0 && stream_->has(stream_->step(first - 1))) {
    --first;
    if (options_.start_at == StartAt::newest) {
      break;
    }
  }
  return first;
}

// Which streams there are is asked of all nodes: only after a wait that was worth it, and not for long, since
// the caller's deadline has come.
Result<View<StreamRecord>> StepInput::await_stream(const Store& store, Moment until) {
  constexpr std::chrono::seconds worth_it{1};
  constexpr std::chrono::milliseconds asking{100};
  constexpr std::size_t most_titles = 5;
  CompletionCounter& clock = *side_.session.state()->completions();
  const Moment began = clock.now();
  const auto nobody = [&] {
    std::string others;
    std::size_t count = 0;
    if (clock.now() - began >= worth_it) {
      for (const std::string& title : Stream::open_titles(store, clock.now() + asking)) {
        if (title != name_ && !StepReplay::is_of_file(title) && ++count <= most_titles) {
          others += (others.empty() ? "" : ", ") + title.substr(0, 64);
        }
      }
    }
    return Error(Errc::timeout,
                 "no writer of this stream is open; check its name" +
                     (count == 0 ? std::string()
                                 : (count == 1 ? " (1 stream is open: "
                                               : " (" + std::to_string(count) + " streams are open: ") +
                                       others + ")") +
                     ", and start the reader before the writer has ended")
        .about(title());
  };
  for (;;) {
    const Moment next_look = std::min<Moment>(until, clock.now() + worth_it);
    auto record = store.wait<StreamRecord>(Stream::name(name_), next_look);
    if (record || record.error().code() != Errc::timeout) {
      return record;
    }
    if (clock.now() >= until) {
      return nobody();
    }
    const SessionOptions& own = side_.session.state()->options();
    notice_.waits(own.options.log, own.rank, clock.now(), nobody);
  }
}

Result<void> StepInput::find_stream(Moment until) {
  if (!store_) {
    auto store = Stream::open_store(side_.session, until);
    if (!store) {
      return store.error();
    }
    store_ = std::move(*store);
  }
  const auto record = await_stream(*store_, until);
  if (!record) {
    return record.error();
  }
  auto presence = Presence::make(*store_);
  if (!presence) {
    return presence.error();
  }
  const Stream found(*store_, side_.session.state(), **record, name_);
  if ((*record)->number == side_.number) {
    const StreamFailure failure{.cause = StreamFailure::Cause::same_ranks,
                                .rank = side_.session.state()->options().rank};
    found.fail(failure);
    over_ = failure.error(title());
    return *over_;
  }
  // That of an attempt before may be there, which has failed.
  const auto announced = found.store().replace(found.member(side_.number, side_.index), presence->handle(),
                                               {.codec = {}, .deadline = until});
  if (!announced) {
    return announced.error();
  }
  stream_.emplace(found);
  stream_->ends_by(latest_);
  presence_ = std::move(*presence);
  handle_ = presence_.handle();
  writer_ = PresenceWatch(stream_->session(), (*record)->writer);
  return {};
}

Error StepInput::late(std::size_t index, const Error& error) {
  return error.code() != Errc::timeout
             ? error
             : Error(Errc::timeout,
                     "the rank with index " + std::to_string(index) +
                         " in the reader's communicator has not asked for the next step by the "
                         "deadline; let all ranks of a reader do so");
}

// A writer that has closed, or is gone, and left steps behind, can still be joined.
Result<void> StepInput::check_joinable(Moment until) {
  auto writer = check_writer();
  if (writer) {
    return writer;
  }
  const auto over = stream_->is_over(until);
  return over && !*over ? Result<void>() : writer;
}

// The writer knows the side before that decides with which step it begins: from then on, a step that the
// side has seen stays. A member of a group wants what the group does, of which others may hold steps before
// those that it would find: the first member that decides does so for all. Every line may be repeated, by a
// call that goes on where one came to its deadline.
Result<void> StepInput::join_first(Moment until) {
  SideRecord mine{side_.number, group_, {handle_}};
  for (std::size_t index = 1; index < side_.count; ++index) {
    const auto member = stream_->wait<Handle>(stream_->member(side_.number, index), until,
                                              [&] { return check_joinable(until); });
    if (!member) {
      return late(index, member.error());
    }
    mine.ranks.push_back(**member);
  }
  std::uint64_t place = 0;
  for (;; ++place) {
    const std::string name = stream_->joined(place);
    if (auto put = stream_->put(name, mine, until); !put) {
      return put;
    }
    const auto there = stream_->store().get<SideRecord>(name, {.codec = {}, .deadline = until});
    if (there ? (*there)->side == side_.number : there.error().code() != Errc::peer_lost) {
      if (!there) {
        return there.error();
      }
      break;
    }
  }
  ranks_ = mine.ranks;
  const std::string from = stream_->from(side_.number);
  if (!stream_->has(from)) {
    // Where the stream could still be found when this side had joined, it is kept for it. With the number of
    // its first step the others of the side learn that it has joined, whatever becomes of the name.
    const auto over = stream_->is_over(until);
    const auto in_time = over && *over ? stream_->has_joined_in_time(place, until) : Result<bool>(true);
    if (!over || !in_time || !*in_time) {
      return !over ? over.error() : in_time ? end_of_stream() : in_time.error();
    }
    auto first = first_step(until);
    if (first && group_ != 0) {
      first = begin_of_group(*first, until);
    }
    if (!first) {
      return first.error();
    }
    if (auto put = stream_->put(from, *first, until); !put) {
      return put;
    }
  }
  const auto decided = stream_->store().get<std::uint64_t>(from, {.codec = {}, .deadline = until});
  next_ = decided ? **decided : 0;
  return decided ? Result<void>() : Result<void>(decided.error());
}

Result<std::uint64_t> StepInput::begin_of_group(std::uint64_t first, Moment until) const {
  const std::string begins = stream_->begins(group_);
  if (const auto put = stream_->put(begins, first, until); !put) {
    return put.error();
  }
  const auto decided = stream_->store().get<std::uint64_t>(begins, {.codec = {}, .deadline = until});
  return decided ? Result<std::uint64_t>(**decided) : Result<std::uint64_t>(decided.error());
}

Result<void> StepInput::join_others(Moment until) {
  if (!first_reader_) {
    const auto first =
        stream_->wait<Handle>(stream_->member(side_.number, 0), until, [&] { return check_joinable(until); });
    if (!first) {
      return late(0, first.error());
    }
    first_reader_.emplace(stream_->session(), **first);
  }
  const auto from = stream_->wait<std::uint64_t>(stream_->from(side_.number), until,
                                                 [this] { return check_first_reader(); });
  next_ = from ? **from : 0;
  return from ? Result<void>() : Result<void>(late(0, from.error()));
}

// A stream that has ended meanwhile removes its records. Then the next one of that name is joined, if there
// is one by then.
Result<void> StepInput::join(Moment until) {
  if (has_joined_) {
    return {};
  }
  while (!has_joined_) {
    if (!stream_) {
      if (auto found = find_stream(until); !found) {
        return found;
      }
    }
    auto joined = side_.index == 0 ? join_first(until) : join_others(until);
    if (!joined && (joined.error().code() == Errc::timeout || joined.error().code() == Errc::out_of_memory)) {
      return joined;  // a further call goes on here
    }
    has_joined_ = joined.has_value();
    if (!has_joined_) {
      const auto over = stream_->is_over(until);
      const auto next = stream_->store().exists(Stream::name(name_), {.deadline = until});
      const StreamFailure failure = stream_->failed();
      const auto writer = check_writer();
      // The rank that joins for all of this side has not come: it will join the next stream, too.
      const bool goes_on = side_.index != 0 && !first_reader_ && joined.error().code() == Errc::end_of_stream;
      leave(latest_);
      stream_.reset();
      first_reader_.reset();
      if (!over || !*over) {
        return joined;
      }
      if ((!next || !*next) && (!goes_on || failure.has_failed())) {
        return failure.has_failed() ? as_readers_get(failure.error(title()))
               : !writer            ? writer
                                    : end_of_stream();
      }
    }
  }
  next_part_ = next_;
  if (options_.ahead > 0 && group_ == 0 && !replay_ && !ahead_) {
    ahead_ = std::make_shared<StepAhead>(*stream_, options_.ahead);
  }
  return {};
}

void StepInput::leave(Moment until) noexcept {
  if (!stream_ || !presence_.is_open()) {
    return;
  }
  stream_->ends_by(until);
  const bool writer_is_gone = !writer_.is_here();
  if (claim_) {
    (void)withdraw_claim(until);
  }
  (void)stream_->put(stream_->left(handle_), std::uint8_t{1}, until);
  presence_.vanish(stream_->store(), until);
  stream_->clean_if_left(writer_is_gone);
}

}  // namespace locum::detail
