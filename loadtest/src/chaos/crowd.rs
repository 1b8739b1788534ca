//! How many clients there are, and how they are spread over rooms.

/// One client in so many is in more than one room.
const SOCIABLE: usize = 5;

/// How many clients in rooms of what size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// Clients that are in their rooms from the start to the end.
    pub residents: usize,
    /// Residents of each room, without those for whom it is a further one.
    pub room_size: usize,
    /// Further rooms of each fifth resident, as far as there are so many.
    pub further_rooms: usize,
    /// Numbers for clients that come later, as guests.
    pub guests: usize,
    /// The length of a message's content in bytes.
    pub content_bytes: usize,
}

impl Crowd {
    /// The rooms of a resident.
    #[must_use]
    pub fn rooms_of(&self, client: usize) -> Vec<usize> {
        let home = client / self.room_size;
        let further = if self.is_sociable(client) { self.further_rooms } else { 0 };
        (home..=home + further.min(self.rooms() - 1)).map(|room| room % self.rooms()).collect()
    }

    /// Whether a resident is in further rooms, where there are any.
    #[must_use]
    pub fn is_sociable(&self, client: usize) -> bool {
        client.is_multiple_of(SOCIABLE)
    }

    #[must_use]
    pub fn rooms(&self) -> usize {
        self.residents / self.room_size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_room_and_some_have_more() {
        let crowd = |residents, further_rooms| Crowd {
            residents,
            room_size: 10,
            further_rooms,
            guests: 0,
            content_bytes: 64,
        };
        assert_eq!(crowd(30, 1).rooms_of(1), [0]);
        assert_eq!(crowd(30, 1).rooms_of(25), [2, 0]);
        assert_eq!(crowd(30, 7).rooms_of(15), [1, 2, 0]);
        assert_eq!(crowd(10, 1).rooms_of(5), [0]);
    }
}
