#include "bench/peers/round.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "bench/scaling/meeting.hpp"

namespace peers {

namespace {

constexpr std::string_view before_rank = "peers/";
constexpr std::size_t word_bytes = sizeof(std::uint64_t);
constexpr double patience_seconds = 60;

[[nodiscard]] std::string name_of(int rank, std::size_t number) {
  return std::string(before_rank) + std::to_string(rank) + '/' + std::to_string(number);
}

/// The first word of a value; those that follow count up from it, which compilers compare many at a time.
[[nodiscard]] std::uint64_t first_word(int rank, std::size_t number, std::uint64_t round) {
  constexpr std::uint64_t golden = 0x9E3779B97F4A7C15U;
  return ((static_cast<std::uint64_t>(rank) * golden + number) * golden + round) * golden;
}

/// All processes of a machine have this clock in common.
[[nodiscard]] double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

int owner_of(const std::string& name) {
  return std::stoi(name.substr(before_rank.size()));
}

Round::Round(MPI_Comm ranks, std::size_t bytes, std::size_t objects)
    : ranks_(ranks), bytes_(bytes), words_(objects * bytes / word_bytes) {
  int size = 0;
  MPI_Comm_rank(ranks, &rank_);
  MPI_Comm_size(ranks, &size);
  next_ = (rank_ + 1) % size;
  const auto all = std::as_bytes(std::span(words_));
  for (std::size_t i = 0; i < objects; ++i) {
    items_.push_back({name_of(rank_, i), all.subspan(i * bytes, bytes)});
    names_.push_back(name_of(next_, i));
  }
}

std::size_t Round::objects_of(std::size_t bytes) {
  constexpr std::size_t most = 1024;
  constexpr std::size_t bytes_of_a_rank = std::size_t{8} << 20U;
  return std::clamp<std::size_t>(bytes_of_a_rank / bytes, 1, most);
}

RoundTimes Round::run(Peer& peer) {
  ++number_;
  fill();
  scaling::meet(ranks_, patience_seconds);
  const double put_begin = now();
  peer.put(items_);
  const double put_end = now();
  scaling::meet(ranks_, patience_seconds);
  const double get_begin = now();
  peer.get(names_, [this](std::size_t number, std::span<const std::byte> bytes) { check(number, bytes); });
  const double get_end = now();
  scaling::meet(ranks_, patience_seconds);
  peer.remove(items_);
  scaling::meet(ranks_, patience_seconds);
  // The greatest of the negative is the first to begin.
  std::array<double, 4> moments{-put_begin, put_end, -get_begin, get_end};
  MPI_Allreduce(MPI_IN_PLACE, moments.data(), static_cast<int>(moments.size()), MPI_DOUBLE, MPI_MAX, ranks_);
  return {.put = moments[0] + moments[1], .get = moments[2] + moments[3]};
}

void Round::fill() {
  const std::size_t words = bytes_ / word_bytes;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const std::uint64_t first = first_word(rank_, i, number_);
    for (std::size_t place = 0; place < words; ++place) {
      words_[i * words + place] = first + place;
    }
  }
}

void Round::check(std::size_t number, std::span<const std::byte> bytes) const {
  if (bytes.size() != bytes_) {
    throw std::runtime_error(names_[number] + " has " + std::to_string(bytes.size()) +
                             " bytes in the place of " + std::to_string(bytes_));
  }
  const std::uint64_t first = first_word(next_, number, number_);
  std::uint64_t difference = 0;
  for (std::size_t place = 0; place < bytes_ / word_bytes; ++place) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + place * word_bytes, word_bytes);
    difference |= word ^ (first + place);
  }
  if (difference != 0) {
    throw std::runtime_error(names_[number] + " has wrong bytes");
  }
}

}  // namespace peers
