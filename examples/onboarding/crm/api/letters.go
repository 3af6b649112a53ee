package api

import (
	"database/sql"
	"errors"
	"net/http"
)

// Letter is something written to a customer.
type Letter struct {
	ID       int64  `json:"id"`
	Customer string `json:"customer"` // its number
	Subject  string `json:"subject"`
	Text     string `json:"text"`
	Status   string `json:"status"` // draft or sent
}

func addLetter(tx *sql.Tx, r *http.Request, body []byte) (answer, error) {
	id, c, err := customer(tx, r)
	if err != nil {
		return answer{}, err
	}
	l := Letter{}
	if err := decode(body, &l); err != nil {
		return answer{}, err
	}
	l.Customer, l.Status = c.Number, "draft"
	err = tx.QueryRow(`insert into letters (customer, subject, text) values (?, ?, ?) returning id`, id, l.Subject, l.Text).Scan(&l.ID)
	if err != nil {
		return answer{}, err
	}
	return answerOf(http.StatusCreated, l), record(tx, "letter drafted", c.Number, c.Name)
}

// letter finds the one that the path names, and whose it is.
func letter(tx *sql.Tx, r *http.Request) (l Letter, name string, err error) {
	id := r.PathValue("id")
	err = tx.QueryRow(`select l.id, c.number, c.name, l.subject, l.text, l.status
		from letters l join customers c on c.id = l.customer where l.id = ?`, id).
		Scan(&l.ID, &l.Customer, &name, &l.Subject, &l.Text, &l.Status)
	if errors.Is(err, sql.ErrNoRows) {
		return l, "", refuse(http.StatusNotFound, "there is no letter %s", id)
	}
	return l, name, err
}

func sendLetter(tx *sql.Tx, r *http.Request, body []byte) (answer, error) {
	l, name, err := letter(tx, r)
	if err != nil {
		return answer{}, err
	}
	var to struct{ Status string }
	if err := decode(body, &to); err != nil {
		return answer{}, err
	}
	if to.Status != "sent" {
		return answer{}, refuse(http.StatusUnprocessableEntity, "a draft can become sent, not %q", to.Status)
	}
	l.Status = to.Status
	if _, err := tx.Exec(`update letters set status = 'sent' where id = ?`, l.ID); err != nil {
		return answer{}, err
	}
	return answerOf(http.StatusOK, l), record(tx, "letter sent", l.Customer, name)
}

func deleteLetter(tx *sql.Tx, r *http.Request, _ []byte) (answer, error) {
	l, name, err := letter(tx, r)
	if err != nil {
		return answer{}, err
	}
	if l.Status == "sent" {
		return answer{}, refuse(http.StatusConflict, "letter %d is sent", l.ID)
	}
	if _, err := tx.Exec(`delete from letters where id = ?`, l.ID); err != nil {
		return answer{}, err
	}
	return answerOf(http.StatusNoContent, nil), record(tx, "letter deleted", l.Customer, name)
}
