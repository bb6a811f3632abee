use super::*;

fn stranger(last: u8) -> Asker {
    Asker::Stranger(AddressKey::of([192, 0, 2, last].into()))
}

fn named(names: &Arc<Mutex<Vec<&'static str>>>, name: &'static str) -> Job {
    let names = names.clone();
    Box::new(move |_| {
        names.lock().unwrap().push(name);
        false
    })
}

#[test]
fn everybody_gets_a_turn_and_the_known_come_first() {
    let names: Arc<Mutex<Vec<&str>>> = Arc::default();
    let mut waiting = Waiting::default();
    for name in ["a1", "a2", "a3"] {
        assert!(waiting.push(stranger(1), named(&names, name)));
    }
    assert!(waiting.push(stranger(2), named(&names, "b1")));
    assert!(waiting.push(Asker::Known(UserId(1)), named(&names, "known")));
    while let Some((job, _)) = waiting.pop() {
        job(&mut Memory::default());
    }
    assert_eq!(*names.lock().unwrap(), ["known", "a1", "b1", "a2", "a3"]);
    assert_eq!(waiting.count, 0);
}

#[test]
fn networks_that_guessed_go_last_and_still_have_a_share() {
    let names: Arc<Mutex<Vec<&str>>> = Arc::default();
    let mut waiting = Waiting::default();
    for number in 0..4 {
        let guesser = Asker::Guesser(AddressKey::of([192, 0, 2, number].into()));
        waiting.push(guesser, named(&names, "guesser"));
    }
    for number in 10..20 {
        waiting.push(stranger(number), named(&names, "stranger"));
    }
    while let Some((job, _)) = waiting.pop() {
        job(&mut Memory::default());
    }
    let names = names.lock().unwrap();
    let guessers: Vec<usize> = (0..names.len()).filter(|at| names[*at] == "guesser").collect();
    assert_eq!(guessers, [7, 11, 12, 13]);
}

#[test]
fn of_a_crowd_of_strangers_the_newest_goes_first() {
    let names: Arc<Mutex<Vec<&str>>> = Arc::default();
    let mut waiting = Waiting::default();
    waiting.push(stranger(0), named(&names, "oldest"));
    for number in 1..=CROWD as u8 {
        waiting.push(stranger(number), named(&names, "crowd"));
    }
    waiting.push(stranger(100), named(&names, "newest"));
    for _ in 0..2 {
        waiting.pop().unwrap().0(&mut Memory::default());
    }
    waiting.push(stranger(101), named(&names, "later"));
    for _ in 0..2 {
        waiting.pop().unwrap().0(&mut Memory::default());
    }
    assert_eq!(*names.lock().unwrap(), ["newest", "crowd", "later", "oldest"]);
}

#[test]
fn a_block_of_thousands_of_addresses_takes_turns_with_everybody_else() {
    let names: Arc<Mutex<Vec<&str>>> = Arc::default();
    let mut waiting = Waiting::default();
    for number in 0..=255 {
        assert!(waiting.push(stranger(number), named(&names, "crowd")));
    }
    let elsewhere = |last: u8| Asker::Stranger(AddressKey::of([198, 51, 100, last].into()));
    assert!(waiting.push(elsewhere(1), named(&names, "elsewhere")), "the crowd gives way");
    assert!(waiting.push(elsewhere(2), named(&names, "elsewhere")));
    assert!(!waiting.push(stranger(0), named(&names, "crowd")), "it has enough");
    for _ in 0..4 {
        waiting.pop().unwrap().0(&mut Memory::default());
    }
    assert_eq!(*names.lock().unwrap(), ["crowd", "elsewhere", "crowd", "elsewhere"]);
    assert_eq!(waiting.count, WAITING - 4);
}

#[test]
fn a_full_queue_refuses_those_who_ask_most() {
    let mut waiting = Waiting::default();
    let nothing = || -> Job { Box::new(|_| false) };
    for network in 0..4 {
        for _ in 0..WAITING_OF_ONE {
            waiting.push(stranger(network), nothing());
        }
    }
    assert_eq!(waiting.count, WAITING);
    assert!(!waiting.push(stranger(0), nothing()), "it has enough");
    assert!(waiting.push(stranger(200), nothing()), "a newcomer takes the place of one who has more");
    assert!(waiting.push(Asker::Known(UserId(1)), nothing()));
    assert_eq!(waiting.count, WAITING);
    let mut served = 0;
    while waiting.pop().is_some() {
        served += 1;
    }
    assert_eq!((served, waiting.count), (WAITING, 0));
}
